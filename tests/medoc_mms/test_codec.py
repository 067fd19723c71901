"""The MMS codec against golden bytes, in both directions, whole, in single bytes and in random pieces."""

import json
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qst.errors import LocalProtocolError, RemoteProtocolError
from qst_drivers.wire import mms, mms_reply
from qst_drivers.wire.mms import Command, ReceivedRequest, Request, RequestDecoder, encode_request, hundredths
from qst_drivers.wire.mms_reply import Reply, ReplyDecoder, encode_reply

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "vectors" / "mms.json").read_text(encoding="utf-8"))
RECEIVED = VECTORS["requests"] + VECTORS["requests_of_other_clients"]
REPLIES = VECTORS["replies"]


def raw(vector: dict[str, Any]) -> bytes:
    return bytes.fromhex(vector["hex"])


def as_received(vector: dict[str, Any]) -> ReceivedRequest:
    return ReceivedRequest(vector["command"], vector["timestamp"], vector["parameter"])


def as_reply(vector: dict[str, Any]) -> Reply:
    return Reply(**{key: value for key, value in vector.items() if key not in ("what", "hex")})


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


def what(vector: dict[str, Any]) -> str:
    return str(vector["what"])


@pytest.mark.parametrize("vector", VECTORS["requests"], ids=what)
def test_requests_are_the_golden_bytes(vector: dict[str, Any]) -> None:
    request = Request(vector["command"], vector["timestamp"], vector["parameter"])
    assert encode_request(request) == raw(vector)


@pytest.mark.parametrize("vector", RECEIVED, ids=what)
def test_requests_of_every_public_client_are_understood(vector: dict[str, Any]) -> None:
    assert RequestDecoder().feed(raw(vector)) == [as_received(vector)]
    decoder = RequestDecoder()
    assert [request for byte in raw(vector) for request in decoder.feed(bytes([byte]))] == [as_received(vector)]
    assert decoder.pending == b""


@pytest.mark.parametrize("vector", REPLIES, ids=what)
def test_replies_are_the_golden_bytes_both_ways(vector: dict[str, Any]) -> None:
    assert encode_reply(as_reply(vector)) == raw(vector)
    assert ReplyDecoder().feed(raw(vector)) == [as_reply(vector)]
    decoder = ReplyDecoder()
    assert [reply for byte in raw(vector) for reply in decoder.feed(bytes([byte]))] == [as_reply(vector)]
    assert decoder.pending == 0


@given(st.lists(st.integers(0, 1000), max_size=12))
def test_any_split_gives_the_same_requests_and_replies(cuts: list[int]) -> None:
    requests = RequestDecoder()
    data = b"".join(map(raw, RECEIVED))
    assert [request for piece in pieces(data, cuts) for request in requests.feed(piece)] == list(
        map(as_received, RECEIVED)
    )
    replies = ReplyDecoder()
    data = b"".join(map(raw, REPLIES))
    assert [reply for piece in pieces(data, cuts) for reply in replies.feed(piece)] == list(map(as_reply, REPLIES))


U8, U16, U32 = st.integers(0, 0xFF), st.integers(0, 0xFFFF), st.integers(0, 0xFFFF_FFFF)
S16 = st.integers(-0x8000, 0x7FFF)
HEADS = st.tuples(U32, U8, U8, U8, U16, U32)
MESSAGES = st.binary(max_size=300)


def build(head: tuple[int, ...], tail: tuple[int | None, ...], message: bytes, generation: int) -> Reply:
    return Reply._make((*head, *tail, message, generation))


ANY_REPLY = st.one_of(
    st.builds(build, HEADS, st.tuples(S16, U8, U8, U8, U8), MESSAGES, st.just(19)),
    st.builds(build, HEADS, st.tuples(S16, U8, U8, U8, st.none()), MESSAGES, st.just(18)),
    st.builds(build, HEADS, st.just((None,) * 5), MESSAGES, st.just(13)),
)


@given(ANY_REPLY)
def test_every_reply_reads_back_when_its_generation_is_known(reply: Reply) -> None:
    data = encode_reply(reply)
    assert len(data) == 4 + reply.generation + len(reply.message)
    assert ReplyDecoder(reply.generation).feed(data) == [reply]


@given(st.sampled_from(sorted(Command)), U32, st.integers(0, 10))
def test_every_request_reads_back(command: Command, timestamp: int, value: int) -> None:
    parameter = value if command in mms._PARAMETERS else None
    assert RequestDecoder().feed(encode_request(Request(command, timestamp, parameter))) == [
        ReceivedRequest(command, timestamp, parameter)
    ]


@pytest.mark.parametrize(
    ("command", "timestamp", "parameter"),
    [
        (15, 0, None),  # only ever seen as a placeholder
        (-1, 0, None),
        (Command.GET_STATUS, -1, None),
        (Command.GET_STATUS, 1 << 32, None),
        (Command.GET_STATUS, 0, 0),
        (Command.TRIGGER, 0, 1),
        (Command.SELECT_TP, 0, None),
        (Command.SELECT_TP, 0, 256),
        (Command.SELECT_TP, 0, 10000001),  # binary digits read as a decimal number
        (Command.VAS, 0, 11),
        (Command.VAS, 0, None),
        (Command.T_UP, 0, None),
        (Command.T_DOWN, 0, -50),
    ],
)
def test_what_the_wire_cannot_say_is_refused(command: int, timestamp: int, parameter: int | None) -> None:
    with pytest.raises(LocalProtocolError):
        Request(command, timestamp, parameter)


def test_a_rating_of_zero_is_sent_with_its_parameter() -> None:
    assert encode_request(Request(Command.VAS, 0, 0)).hex(" ") == "09 00 00 00 00 00 00 00 0a 00 00 00 00"


@pytest.mark.parametrize(("difference_c", "count"), [(0.5, 50), (5.0, 500), (0.29, 29), (0.0, 0), (12.34, 1234)])
def test_shifts_are_whole_hundredths(difference_c: float, count: int) -> None:
    assert hundredths(difference_c) == count


@pytest.mark.parametrize("difference_c", [-0.5, 0.005, 0.299, float("nan"), float("inf")])
def test_shifts_off_the_grid_are_refused(difference_c: float) -> None:
    with pytest.raises(LocalProtocolError):
        hundredths(difference_c)


# Bugs of public clients, each here as a test that would catch it.


def message_of(text: bytes, **fields: Any) -> Reply:
    return as_reply(REPLIES[0])._replace(message=text, **fields)


def test_a_length_above_16_bits_is_not_read_as_its_lower_half() -> None:
    frame = bytes.fromhex("13 00 01 00") + bytes(19)
    with pytest.raises(RemoteProtocolError):
        ReplyDecoder().feed(frame)


def test_a_message_keeps_its_last_four_characters() -> None:
    text = b"START is not allowed; current state is Rest"
    (reply,) = ReplyDecoder().feed(encode_reply(message_of(text)))
    assert reply.message == text
    assert reply.text == text.decode()


def test_a_temperature_below_zero_is_not_650_degrees() -> None:
    (reply,) = ReplyDecoder().feed(encode_reply(message_of(b"", temperature_hundredths_c=-500)))
    assert reply.temperature_c == -5.0


def test_code_time_and_length_are_little_endian() -> None:
    (reply,) = ReplyDecoder().feed(bytes.fromhex("13000000 00000000 00 00 00 0040 01000000 0000 00 00 00 00"))
    assert (reply.return_code, reply.test_time_ms) == (0x4000, 1)
    with pytest.raises(RemoteProtocolError):
        ReplyDecoder().feed(bytes.fromhex("00000013") + bytes(19))


@pytest.mark.parametrize(
    ("code", "name"),
    [(3, "ILLEGAL_TEST_STATE"), (0x3000, "WAITING_MANUAL_OPERATION"), (0x7777, "0x7777 (not documented)")],
)
def test_return_codes_are_an_enumeration_and_unknown_ones_survive(code: int, name: str) -> None:
    (reply,) = ReplyDecoder().feed(encode_reply(message_of(b"", return_code=code, system_state=9, test_state=77)))
    assert (reply.return_code, reply.code_name) == (code, name)
    assert (reply.system_state, reply.test_state) == (9, 77)


def test_temperature_is_hundredths() -> None:
    assert as_reply(REPLIES[1]).temperature_c == 45.37
    assert as_reply(REPLIES[0])._replace(temperature_hundredths_c=None).temperature_c is None


def test_text_leaves_out_nuls_and_takes_any_byte() -> None:
    assert message_of(b"Ruhe\xe4\0\0 ").text == "Ruheä"


# Generations, ambiguity, garbage.


@pytest.mark.parametrize("length", [0, 1, 12, 14, 15, 16, 17, 4097, 0x13000000, 0xFFFFFFFF])
def test_impossible_and_ambiguous_lengths_are_reported_with_their_bytes(length: int) -> None:
    decoder = ReplyDecoder()
    data = length.to_bytes(4, "little") + b"\xab" * 20
    with pytest.raises(RemoteProtocolError, match=data[:24].hex(" ")):
        decoder.feed(data)
    with pytest.raises(RemoteProtocolError):
        decoder.feed(raw(REPLIES[0]))  # no guess where the next reply might begin


def test_a_message_after_a_short_body_needs_the_generation() -> None:
    reply = Reply(1, 2, 1, 0, 2, 0, message=b"Rest", generation=13)
    assert ReplyDecoder(13).feed(encode_reply(reply)) == [reply]
    with pytest.raises(RemoteProtocolError):
        ReplyDecoder().feed(encode_reply(reply))
    with pytest.raises(RemoteProtocolError):
        ReplyDecoder(19).feed(encode_reply(reply))


@pytest.mark.parametrize(
    "reply",
    [
        Reply(0, 0, 0, 0, 0, 0, generation=19),  # a full reply without its fields
        Reply(0, 0, 0, 0, 0, 0, 3200, 0, 0, 0, 0, generation=18),
        Reply(0, 0, 0, 0, 0, 0, 3200, generation=13),
        Reply(0, 0, 0, 0, 0, 0, 3200, 0, 0, 0, 0, generation=23),
        Reply(0, 0, 0, 0, 0, 0, 32768, 0, 0, 0, 0),
        Reply(0, 0, 0, 0, 0x10000, 0, 3200, 0, 0, 0, 0),
        Reply(0, 0, 0, 0, 0, 0, 3200, 0, 0, 0, 0, b"x" * 4096),
    ],
)
def test_replies_that_do_not_fit_are_refused(reply: Reply) -> None:
    with pytest.raises(LocalProtocolError):
        encode_reply(reply)


@given(st.lists(st.binary(max_size=64), max_size=40))
def test_garbage_never_grows_a_buffer(chunks: list[bytes]) -> None:
    replies, requests = ReplyDecoder(), RequestDecoder()
    for chunk in chunks:
        for decoder in (replies, requests):
            with suppress(RemoteProtocolError):
                decoder.feed(chunk)
        assert replies.pending < 4 + mms_reply.BODY_MAX
        assert len(requests.pending) < 13


def test_an_illegal_request_length_breaks_the_connection() -> None:
    decoder = RequestDecoder()
    with pytest.raises(RemoteProtocolError, match="06 00 00 00"):
        decoder.feed(b"\x06\0\0\0" + bytes(6))
    with pytest.raises(RemoteProtocolError):
        decoder.feed(raw(RECEIVED[0]))
