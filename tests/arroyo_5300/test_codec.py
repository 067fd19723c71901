"""The controller's language against golden bytes, both ways, whole, byte by byte and split at random."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qst.errors import LocalProtocolError, RemoteProtocolError
from qst_drivers.wire import arroyo
from qst_drivers.wire.arroyo import ANSWER_MAX, LINE_MAX, QUERIES, LineDecoder, encode
from qst_drivers.wire.arroyo_device import NAMES, Order, OrderParser, Overflow, parse_line

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "arroyo.json").read_text(encoding="utf-8"))
COMMANDS, HEARD, ANSWERS = VECTORS["commands"], VECTORS["heard"], VECTORS["answers"]


def _bytes(vector: dict[str, Any], end: str = "") -> bytes:
    return bytes.fromhex(vector["hex"]) if "hex" in vector else (vector["text"] + end).encode("ascii")


def _commands(vector: dict[str, Any]) -> list[arroyo.Command]:
    return [getattr(arroyo, kind)(*arguments) for kind, *arguments in vector["commands"]]


def _orders(vector: dict[str, Any]) -> list[Order]:
    return [Order(name, query, tuple(arguments)) for name, query, arguments in vector["orders"]]


def _splits(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in pairwise(edges)]


@pytest.mark.parametrize("vector", COMMANDS, ids=lambda vector: vector["what"])
def test_commands_encode_to_their_golden_bytes_and_are_heard_as_themselves(vector: dict[str, Any]) -> None:
    commands = _commands(vector)
    data = encode(*commands)
    assert data == _bytes(vector, "\r\n")
    (orders,) = OrderParser().feed(data)
    assert isinstance(orders, list)
    heard = [
        order.name + ("?" if order.query else "") + (" " + ",".join(order.arguments) if order.arguments else "")
        for order in orders
    ]
    assert heard == [command.text() for command in commands]


@pytest.mark.parametrize("vector", HEARD, ids=lambda vector: vector["what"])
def test_device_hears_golden_bytes_whole_and_byte_by_byte(vector: dict[str, Any]) -> None:
    data = _bytes(vector)
    assert OrderParser().feed(data) == [_orders(vector)]
    parser = OrderParser()
    assert [line for byte in data for line in parser.feed(bytes([byte]))] == [_orders(vector)]
    assert parser.pending == 0


@given(st.lists(st.sampled_from(HEARD), max_size=8), st.lists(st.integers(0, 300)))
def test_device_hears_any_sequence_at_any_split(vectors: list[dict[str, Any]], cuts: list[int]) -> None:
    data = b"".join(_bytes(vector) for vector in vectors)
    parser = OrderParser()
    assert [line for part in _splits(data, cuts) for line in parser.feed(part)] == [_orders(v) for v in vectors]


@pytest.mark.parametrize("vector", ANSWERS, ids=lambda vector: vector["what"])
def test_answers_decode_whole_and_byte_by_byte(vector: dict[str, Any]) -> None:
    data = _bytes(vector)
    read = str if vector["read"] == "str" else getattr(arroyo, vector["read"])
    for parts in ([data], [bytes([byte]) for byte in data]):
        decoder = LineDecoder()
        (line,) = [line for part in parts for line in decoder.feed(part)]
        value = read(line)
        assert (list(value) if isinstance(value, tuple) else value) == vector["value"]
        assert decoder.pending == 0


@given(st.lists(st.sampled_from(ANSWERS), max_size=8), st.lists(st.integers(0, 300)))
def test_answers_decode_at_any_split(vectors: list[dict[str, Any]], cuts: list[int]) -> None:
    data = b"".join(_bytes(vector) for vector in vectors)
    decoder = LineDecoder()
    lines = [line for part in _splits(data, cuts) for line in decoder.feed(part)]
    assert lines == [_bytes(vector).decode("ascii").strip() for vector in vectors]


@given(st.integers(-9900, 25000))
def test_every_hundredth_of_a_degree_makes_the_round_trip(hundredths: int) -> None:
    (orders,) = OrderParser().feed(encode(arroyo.Setpoint(hundredths / 100)))
    assert isinstance(orders, list)
    assert round(float(orders[0].arguments[0]) * 100) == hundredths
    assert "e" not in orders[0].arguments[0]


@given(st.integers(0, 10_000))
def test_every_hundredth_of_the_rate_makes_the_round_trip(hundredths: int) -> None:
    """From °C/s, as drivers have it: one division and one multiplication must not take it off the grid."""
    (orders,) = OrderParser().feed(encode(arroyo.RampRate(hundredths / 100 / 60 * 60)))
    assert isinstance(orders, list)
    assert round(float(orders[0].arguments[0]) * 100) == hundredths


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        ("Setpoint", [32.005]),
        ("Setpoint", [float("nan")]),
        ("Setpoint", [float("inf")]),
        ("Setpoint", [250.01]),
        ("Setpoint", [-99.01]),
        ("RampRate", [100.01]),
        ("RampRate", [300]),
        ("RampRate", [-0.01]),
        ("RampRate", [18.001]),
        ("HighLimit", [251]),
        ("LowLimit", [-100]),
        ("CurrentLimit", [10.5]),
        ("Tolerance", [0.0, 5]),
        ("Tolerance", [0.1, 0.05]),
        ("Tolerance", [0.1, 51]),
        ("AnswerEnd", [6]),
        ("AnswerEnd", [-1]),
        ("Query", ["*OPC"]),
        ("Query", ["TEC:T?"]),
        ("Query", ["TEC:OUT 1;TEC:T"]),
        ("Plain", ["TEC:T"]),
        ("Plain", ["TEC:DIS 0"]),
    ],
)
def test_what_the_wire_cannot_say_is_refused(kind: str, arguments: list[Any]) -> None:
    with pytest.raises(LocalProtocolError):
        getattr(arroyo, kind)(*arguments)


def test_a_query_stands_alone_and_a_line_fits_the_buffer() -> None:
    with pytest.raises(LocalProtocolError, match="one query"):
        encode()
    with pytest.raises(LocalProtocolError, match="one query"):
        encode(arroyo.Output(True), arroyo.Query("TEC:T"))
    with pytest.raises(LocalProtocolError, match="128"):
        encode(*[arroyo.Setpoint(32.25)] * 10)


@pytest.mark.parametrize(("read", "text"), VECTORS["garbage"])
def test_answers_that_make_no_sense_are_the_devices_fault(read: str, text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        getattr(arroyo, read)(text)


@given(st.lists(st.binary(max_size=400), max_size=12))
def test_garbage_never_fills_the_decoder_and_an_answer_is_heard_after_it(chunks: list[bytes]) -> None:
    decoder = LineDecoder()
    for chunk in chunks:
        try:
            lines = decoder.feed(chunk)
        except RemoteProtocolError:
            continue
        assert all(line.isascii() and line.isprintable() for line in lines)
        assert decoder.pending <= ANSWER_MAX
    decoder.clear()
    assert decoder.feed(b"32.01\r\n") == ["32.01"]


def test_an_answer_without_an_end_is_refused() -> None:
    decoder = LineDecoder()
    with pytest.raises(RemoteProtocolError):
        decoder.feed(b"1" * (ANSWER_MAX + 1))
    assert decoder.pending == 0
    with pytest.raises(RemoteProtocolError):
        decoder.feed(b"1" * (ANSWER_MAX + 1) + b"\n")


@given(st.lists(st.binary(max_size=300), max_size=12))
def test_device_survives_garbage_with_a_bounded_buffer_and_hears_the_next_line(chunks: list[bytes]) -> None:
    parser = OrderParser()
    for chunk in chunks:
        parser.feed(chunk)
        assert parser.pending < LINE_MAX
    parser.feed(b"\r\n")
    assert parser.feed(b"TEC:T 32;:TEC:TRATE 90\r\n") == [
        [Order("TEC:T", False, ("32",)), Order("TEC:TRATE", False, ("90",))]
    ]


@given(
    st.lists(st.sampled_from([b"TEC:T 32", b";", b"\r", b"\n", b"X" * 60, b"\xff"]), max_size=20),
    st.lists(st.integers(0, 900)),
)
def test_what_is_heard_does_not_depend_on_how_it_comes(parts: list[bytes], cuts: list[int]) -> None:
    data = b"".join(parts)
    parser = OrderParser()
    assert [line for part in _splits(data, cuts) for line in parser.feed(part)] == OrderParser().feed(data)


def test_the_buffer_holds_127_characters_and_a_terminator() -> None:
    line = b"TEC:T 32" + b" " * (LINE_MAX - 9)
    assert OrderParser().feed(line + b"\r") == [[Order("TEC:T", False, ("32",))]]
    assert OrderParser().feed(line + b" \r") == [Overflow()]
    parser = OrderParser()
    assert [each for byte in line + b"  \r" for each in parser.feed(bytes([byte]))] == [
        Overflow(),
    ]


def test_every_query_of_the_host_is_a_name_of_the_device() -> None:
    assert QUERIES <= NAMES
    assert all(parse_line(f"{name}?") == [Order(name, True)] for name in QUERIES)
