"""The Mark-10 codec against golden bytes, in both directions, whole, in single bytes and in random pieces."""

import json
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qst.errors import LocalProtocolError, RemoteProtocolError
from qst_drivers.wire import mark10 as wire
from qst_drivers.wire.mark10 import Command, GaugeError, ListReply, Reading, Reply, ReplyDecoder, Unit

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "mark10.json").read_text(encoding="utf-8")
)


def expected_list(settings: dict[str, Any]) -> ListReply:
    return ListReply(**{**settings, "unit": Unit(settings["unit"])})


def golden_replies() -> list[tuple[bytes, Reply]]:
    pairs: list[tuple[bytes, Reply]] = []
    for vector in VECTORS["readings"]:
        data = bytes.fromhex(vector["hex"])
        unit = None if vector["unit"] is None else Unit(vector["unit"])
        pairs.append((data, Reading(vector["value"], unit, data.decode().strip())))
    pairs.extend(
        (bytes.fromhex(vector["error_hex"]), wire.ErrorReply(GaugeError(vector["error"])))
        for vector in VECTORS["refused_by_gauge"]
    )
    pairs.extend(
        (bytes.fromhex(VECTORS[name]["hex"]), expected_list(VECTORS[name]["settings"]))
        for name in ("list", "list_of_older_gauge")
    )
    return pairs


GOLDEN = golden_replies()
WHOLE = b"".join(data for data, _ in GOLDEN)
REPLIES = [reply for _, reply in GOLDEN]


@pytest.mark.parametrize("vector", VECTORS["commands"], ids=lambda v: v["meaning"])
def test_commands_are_the_golden_bytes_and_read_back(vector: dict[str, Any]) -> None:
    command = Command(vector["name"], vector["argument"])
    data = bytes.fromhex(vector["hex"])
    assert wire.encode(command) == data
    (line,) = wire.LineSplitter().feed(data)
    understood = wire.decode_command(line.decode())
    assert understood == (GaugeError.NOT_APPLICABLE if vector["name"] == "?CW" else command)


@pytest.mark.parametrize("vector", VECTORS["refused_by_gauge"], ids=lambda v: v["text"])
def test_a_gauge_refuses_with_the_golden_error(vector: dict[str, Any]) -> None:
    error = wire.decode_command(bytes.fromhex(vector["hex"]).decode().strip())
    assert isinstance(error, GaugeError)
    assert wire.encode_error(error) == bytes.fromhex(vector["error_hex"])


@pytest.mark.parametrize("vector", VECTORS["readings"], ids=lambda v: f"{v['value']} {v['unit']}")
def test_readings_are_the_golden_bytes(vector: dict[str, Any]) -> None:
    unit = None if vector["unit"] is None else Unit(vector["unit"])
    assert wire.encode_reading(vector["scaled"], vector["decimals"], unit) == bytes.fromhex(vector["hex"])


@pytest.mark.parametrize("name", ["list", "list_of_older_gauge"])
def test_the_list_of_settings_is_the_golden_bytes(name: str) -> None:
    assert wire.encode_list(expected_list(VECTORS[name]["settings"])) == bytes.fromhex(VECTORS[name]["hex"])


def test_replies_whole_and_byte_by_byte() -> None:
    assert ReplyDecoder().feed(WHOLE) == REPLIES
    decoder = ReplyDecoder()
    assert [reply for byte in WHOLE for reply in decoder.feed(bytes([byte]))] == REPLIES


@given(st.lists(st.integers(0, len(WHOLE)), max_size=12))
def test_replies_in_random_pieces(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(WHOLE)]
    decoder = ReplyDecoder()
    assert [r for a, b in pairwise(edges) for r in decoder.feed(WHOLE[a:b])] == REPLIES


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"\0\r\0\n"])
def test_every_line_end_and_nul(end: bytes) -> None:
    data = end.join([b"1.05 N", b"-2.00 N", b""])
    assert [reply.value for reply in ReplyDecoder().feed(data) if isinstance(reply, Reading)] == [1.05, -2.0]


@pytest.mark.parametrize(
    ("token", "unit"),
    [
        ("lbf", "lbF"),
        ("lb", "lbF"),
        ("klbf", "klbF"),
        ("ozf", "ozF"),
        ("oz", "ozF"),
        ("kgf", "kgF"),
        ("kg", "kgF"),
        ("gf", "gF"),
        ("g", "gF"),
        ("n", "N"),
        ("KN", "kN"),
        ("mN", "mN"),
        ("Ncm", "Ncm"),
    ],
)
def test_units_of_every_family_in_any_letter_case(token: str, unit: str) -> None:
    assert wire.decode_line(f"+ 1.5  {token}".encode()) == Reading(1.5, Unit(unit), f"+ 1.5  {token}")


@pytest.mark.parametrize("word", ["OVER", "over", "OVER lbF", "HELP", "-----"])
def test_words_of_overload(word: str) -> None:
    assert wire.decode_line(word.encode()) == wire.Overload(word)


def test_other_text_is_text_and_an_unknown_unit_is_no_reading() -> None:
    assert wire.decode_line(b"M5-50") == wire.Text("M5-50")
    assert wire.decode_line(b"1.00 stone") == wire.Text("1.00 stone")


@pytest.mark.parametrize("code", ["*10", "*11", "*12", "*21", "*22"])
def test_every_error_code(code: str) -> None:
    assert wire.decode_line(code.encode()) == wire.ErrorReply(GaugeError(code))


@pytest.mark.parametrize("line", [b"*99", b"\xff\xfe", b"1.0\x07N", b"V1.00;FLTCx;B0", b"V1.00;AOUT", b"7" * 300])
def test_what_no_gauge_may_send(line: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        wire.decode_line(line)


def test_a_bad_line_loses_no_good_one() -> None:
    decoder = ReplyDecoder()
    with pytest.raises(RemoteProtocolError):
        decoder.feed(b"1.00 N\r\n*99\r\n2.00 N\r\n3.0")
    assert [reply.text for reply in decoder.feed(b"0 N\r\n") if isinstance(reply, Reading)] == [
        "1.00 N",
        "2.00 N",
        "3.00 N",
    ]


def test_list_keeps_what_it_does_not_know_and_any_order() -> None:
    reply = wire.decode_list("B2;NEW7;IPOL1;KGF")
    assert reply == ListReply(battery=2, other=("NEW7",), input_inverted=True, unit=Unit.KGF)
    assert wire.decode_line(wire.encode_list(reply).strip()) == reply


@pytest.mark.parametrize(
    ("name", "argument"),
    [
        ("SAVE", None),
        ("z", None),
        ("", None),
        ("?C", 1),
        ("AOUT", None),
        ("AOUT", 3),
        ("AOUT", 500),
        ("AOFF", 31),
        ("FLTC", 11),
        ("FLTP", -1),
        ("IPOL", 2),
        ("FLTC", True),
        ("AOUT", 50.0),
        ("N\r\nZ", None),
    ],
)
def test_what_may_not_be_sent_is_refused(name: str, argument: Any) -> None:
    with pytest.raises(LocalProtocolError):
        Command(name, argument)


@pytest.mark.parametrize(("scaled", "decimals"), [(10**6, 2), (-(10**6), 0), (1, 4), (1, -1)])
def test_a_reading_that_does_not_fit_is_refused(scaled: int, decimals: int) -> None:
    with pytest.raises(LocalProtocolError):
        wire.encode_reading(scaled, decimals, Unit.N)


@pytest.mark.parametrize("text", ["", "a\r\nb", "x" * 300, "°"])
def test_a_text_that_is_no_line_is_refused(text: str) -> None:
    with pytest.raises(LocalProtocolError):
        wire.encode_text(text)


@pytest.mark.parametrize("text", ["AOUTx", "AOUT", "AOUT3", "IPOL7"])
def test_bad_specifiers(text: str) -> None:
    assert wire.decode_command(text) is GaugeError.INVALID_SPECIFIER


@given(st.integers(-999_999, 999_999), st.integers(0, 3), st.sampled_from([None, *Unit]))
def test_readings_make_the_round_trip(scaled: int, decimals: int, unit: Unit | None) -> None:
    (reply,) = ReplyDecoder().feed(wire.encode_reading(scaled, decimals, unit))
    assert isinstance(reply, Reading)
    assert (reply.value, reply.unit) == (float(f"{scaled}e-{decimals}"), unit)


switches = st.none() | st.booleans()


@given(
    st.builds(
        ListReply,
        firmware=st.sampled_from(["", "V1.00", "V2.10b"]),
        unit=st.sampled_from([None, *Unit]),
        mode=st.sampled_from([None, "CUR", "PT", "PC"]),
        display_filter=st.none() | st.integers(0, 10),
        current_filter=st.none() | st.integers(0, 10),
        auto_output=st.none() | st.sampled_from(wire.AUTO_OUTPUT_RATES),
        auto_off_min=st.none() | st.integers(0, 30),
        with_units=switches,
        input_inverted=switches,
        unsigned_output=switches,
        mitutoyo=switches,
        mitutoyo_polarity=switches,
        battery=st.integers(0, 3),
    )
)
def test_lists_make_the_round_trip(reply: ListReply) -> None:
    assert wire.decode_list(wire.encode_list(reply).decode().strip()) == reply


@given(st.lists(st.binary(max_size=600), max_size=12))
def test_garbage_never_fills_the_memory_nor_breaks_the_decoder(pieces: list[bytes]) -> None:
    decoder = ReplyDecoder()
    for piece in pieces:
        with suppress(RemoteProtocolError):
            decoder.feed(piece)
        assert len(decoder._lines._rest) <= wire.LONGEST_LINE + 1
        assert len(decoder._ready) <= 1000
    with suppress(RemoteProtocolError):
        decoder.feed(b"\n")
    assert decoder.feed(b"1.05 N\r\n")[-1] == Reading(1.05, Unit.N, "1.05 N")
