"""The TCS's language against golden bytes, both ways, whole, byte by byte and split at random."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qst.errors import LocalProtocolError, RemoteProtocolError
from qst_drivers.wire import tcs, tcs_replies
from qst_drivers.wire.tcs_host import HostParser, Order
from qst_drivers.wire.tcs_replies import ReplyDecoder

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "tcs.json").read_text(encoding="utf-8"))
COMMANDS, HEARD, REPLIES = VECTORS["commands"], VECTORS["heard"], VECTORS["replies"]


def _orders(vector: dict[str, Any]) -> list[Order]:
    return [Order(*each) for each in vector["orders"]]


def _plain(reply: Any) -> Any:
    return [list(each) if isinstance(each, tuple) else each for each in reply]


def _splits(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in pairwise(edges)]


@pytest.mark.parametrize("vector", COMMANDS, ids=lambda vector: vector["what"])
def test_command_encodes_to_its_golden_bytes(vector: dict[str, Any]) -> None:
    arguments = {
        key: tuple(map(bool, value)) if isinstance(value, list) else value for key, value in vector["arguments"].items()
    }
    command = getattr(tcs, vector["command"])(**arguments)
    assert tcs.encode(command) == bytes.fromhex(vector["hex"])


@pytest.mark.parametrize("vector", COMMANDS + HEARD, ids=lambda vector: vector["what"])
def test_device_hears_golden_bytes_whole_and_byte_by_byte(vector: dict[str, Any]) -> None:
    data = bytes.fromhex(vector["hex"])
    assert HostParser().feed(data) == _orders(vector)
    parser = HostParser()
    assert [order for byte in data for order in parser.feed(bytes([byte]))] == _orders(vector)


@given(st.lists(st.sampled_from(COMMANDS), max_size=12), st.lists(st.integers(0, 200)))
def test_device_hears_any_sequence_at_any_split(vectors: list[dict[str, Any]], cuts: list[int]) -> None:
    data = b"".join(bytes.fromhex(vector["hex"]) for vector in vectors)
    parser = HostParser()
    heard = [order for part in _splits(data, cuts) for order in parser.feed(part)]
    assert heard == [order for vector in vectors for order in _orders(vector)]
    assert parser.idle


@given(st.integers(1, 99_999), st.integers(0, 5))
def test_fine_speed_round_trip(hundredths: int, zone: int) -> None:
    data = tcs.encode(tcs.FineSpeed(hundredths / 100, zone))
    assert HostParser().feed(data) == [Order("Ov", f"{zone}{hundredths:05d}")]


@given(st.integers(10, 99_999))
def test_duration_round_trip(milliseconds: int) -> None:
    data = tcs.encode(tcs.Duration(milliseconds / 1000))
    assert HostParser().feed(data) == [Order("D", f"0{milliseconds:05d}")]


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        ("Neutral", {"temperature_c": 32.05}),
        ("Neutral", {"temperature_c": 19.9}),
        ("Neutral", {"temperature_c": 45.1}),
        ("Neutral", {"temperature_c": float("nan")}),
        ("Target", {"temperature_c": 60.1}),
        ("Target", {"temperature_c": 300.0}),
        ("Target", {"temperature_c": -0.1}),
        ("Target", {"temperature_c": 45.0, "zone": 6}),
        ("Speed", {"rate_c_per_s": 0.25}),
        ("Speed", {"rate_c_per_s": 0.0}),
        ("Speed", {"rate_c_per_s": -1.0}),
        ("FineSpeed", {"rate_c_per_s": 0.123}),
        ("FineTarget", {"temperature_c": 60.01}),
        ("Duration", {"duration_s": 106.667}),
        ("Duration", {"duration_s": 100.0}),
        ("Duration", {"duration_s": float("inf")}),
        ("MaxTemperature", {"temperature_c": 70.0}),
        ("Trigger", {"code": 0, "width_s": 0.3}),
        ("Zones", {"enabled": (True,)}),
        ("Plain", {"name": "Ox"}),
        ("Plain", {"name": "N"}),
        ("Plain", {"name": "LL"}),
    ],
)
def test_what_the_wire_cannot_say_is_refused(kind: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(LocalProtocolError):
        getattr(tcs, kind)(**arguments)


@pytest.mark.parametrize("vector", REPLIES, ids=lambda vector: vector["what"])
def test_reply_decodes_whole_and_byte_by_byte(vector: dict[str, Any]) -> None:
    data = bytes.fromhex(vector["hex"])
    for parts in ([data], [bytes([byte]) for byte in data]):
        decoder = ReplyDecoder()
        decoder.expect(vector["query"])
        replies = [reply for part in parts for reply in decoder.feed(part)]
        assert [_plain(reply) for reply in replies] == [vector["value"]]
        assert decoder.complete


@given(st.lists(st.sampled_from(REPLIES), min_size=1, max_size=8), st.lists(st.integers(0, 200)))
def test_replies_decode_at_any_split(vectors: list[dict[str, Any]], cuts: list[int]) -> None:
    data = b"".join(bytes.fromhex(vector["hex"]) for vector in vectors)
    decoder = ReplyDecoder()
    decoder.expect("".join(vector["query"] for vector in vectors))
    replies = [reply for part in _splits(data, cuts) for reply in decoder.feed(part)]
    assert [_plain(reply) for reply in replies] == [vector["value"] for vector in vectors]


def _encode_reply(query: str, value: Any) -> bytes:
    match query:
        case "E":
            return tcs_replies.encode_temperatures(round(value[0] * 10), [round(each * 10) for each in value[1]])
        case "K":
            return tcs_replies.encode_keys(stimulate=value[0], respond=value[1])
        case "B":
            return tcs_replies.encode_battery(*value)
        case "Q":
            return tcs_replies.encode_sensors(*value)
    return b"\rTCS"


@pytest.mark.parametrize("vector", [v for v in REPLIES if not v.get("decode_only")], ids=lambda vector: vector["what"])
def test_reply_encodes_to_its_golden_bytes(vector: dict[str, Any]) -> None:
    assert _encode_reply(vector["query"], vector["value"]) == bytes.fromhex(vector["hex"])


def test_old_firmware_prints_a_space_for_plus() -> None:
    assert tcs_replies.encode_temperatures(240, [321, -5, 0, 1, 2], plus=" ") == b"\r240 321-005 000 001 002"


@pytest.mark.parametrize(("query", "data"), VECTORS["garbage"])
def test_reply_of_the_wrong_shape_is_the_devices_fault(query: str, data: str) -> None:
    decoder = ReplyDecoder()
    decoder.expect(query)
    with pytest.raises(RemoteProtocolError):
        decoder.feed(bytes.fromhex(data))


@given(st.binary(max_size=300), st.text("EKBQ?", max_size=4))
def test_garbage_never_fills_the_buffer(data: bytes, queries: str) -> None:
    decoder = ReplyDecoder()
    decoder.expect(queries)
    try:
        for byte in data:
            decoder.feed(bytes([byte]))
            assert decoder.received < 24
    except RemoteProtocolError:
        decoder.clear()
        assert decoder.complete


@given(st.binary(max_size=300))
def test_device_survives_garbage_and_hears_an_abort_after_it(data: bytes) -> None:
    parser = HostParser()
    parser.feed(data)
    assert parser.feed(b"AAA")[-1] == Order("A")


def test_unasked_bytes_are_refused() -> None:
    decoder = ReplyDecoder()
    decoder.expect("K")
    with pytest.raises(RemoteProtocolError):
        decoder.feed(b"\r00\r00")


@pytest.mark.parametrize("vector", VECTORS["lines"])
def test_streamed_line_both_ways(vector: dict[str, Any]) -> None:
    data = bytes.fromhex(vector["hex"])
    assert tcs_replies.encode_line(vector["tenths"]) == data
    assert tcs_replies.decode_line(data) == tuple(tenths / 10 for tenths in vector["tenths"])


@pytest.mark.parametrize("line", [b"+32.1+32.0\r\n", b"+32.1+32.0+32.1+32.0+3201\r\n", b"x+32.1+32.0+32.1+32.0+32.1"])
def test_damaged_streamed_line_is_refused(line: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        tcs_replies.decode_line(line)


def test_header_both_ways() -> None:
    header = tcs_replies.Header("TCS 14.52.032", "28 FF 64 1E 0F 00 00 5A", "003")
    data = tcs_replies.encode_header(header, "\rand so on")
    assert data.startswith(b"\rFirmware: TCS 14.52.032           \rProbe ID: 28 FF 64 1E 0F 00 00 5A\rProbe TYPE: 003")
    assert tcs_replies.decode_header(b"+32.0 stale" + data) == header
    assert header.major == 14
    assert tcs_replies.Header("unknown", "", "").major is None
    with pytest.raises(RemoteProtocolError):
        tcs_replies.decode_header(data[:40])


def test_parameters_in_any_order_and_either_spelling() -> None:
    shown = tcs_replies.decode_parameters(
        b"\rV00003\rOr200025\rS10000\rC0450\rN320\rD023000\rnoise\rC1\rV99999x\rC70450"
    )
    assert shown["N"] == 320
    assert [shown[f"V{zone}"] for zone in range(1, 6)] == [30] * 5
    assert (shown["R2"], "R1" in shown, shown["S1"], shown["S5"], shown["C5"]) == (25, False, 1, 0, 4500)
    assert shown["D3"] == 23_000
