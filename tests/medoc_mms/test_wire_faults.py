"""What the driver makes of an MMS that answers wrongly, late, half, or not at all."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qst.clock import VirtualClock
from qst.errors import (
    InstrumentFaultError,
    LinkClosedError,
    LinkError,
    LinkTimeoutError,
    NotReadyError,
    QstError,
    RemoteProtocolError,
)
from qst_drivers.links.sim import SimLink
from qst_drivers.medoc_mms import MedocMms
from qst_drivers.wire.mms import Command, ReceivedRequest, RequestDecoder
from qst_drivers.wire.mms_reply import Reply, encode_reply
from tests.medoc_mms.rig import HEAT, PROGRAMS

Answer = Callable[[ReceivedRequest], list[tuple[float, bytes]]]


class Scripted:
    """A peer that answers each request with timed pieces of bytes, then hangs up if told so."""

    def __init__(self, answer: Answer, *, hangs_up: bool = True) -> None:
        self.answer, self.hangs_up = answer, hangs_up
        self.requests: list[ReceivedRequest] = []
        self.pieces: list[tuple[float, bytes]] = []

    def connect(self, now_s: float) -> None:
        self.pieces = []

    def disconnect(self, now_s: float) -> None:
        self.pieces = []

    def receive(self, data: bytes, now_s: float) -> None:
        for request in RequestDecoder().feed(data):
            self.requests.append(request)
            self.pieces = [(now_s + delay_s, piece) for delay_s, piece in self.answer(request)]

    def transmit(self, now_s: float) -> bytes:
        if self.pieces and self.pieces[0][0] <= now_s:
            return self.pieces.pop(0)[1]
        return b""

    def next_transmit_s(self) -> float | None:
        return self.pieces[0][0] if self.pieces else None

    def hung_up(self, now_s: float) -> bool:
        return self.hangs_up and not self.pieces


def good(request: ReceivedRequest, **fields: int | bytes | None) -> bytes:
    reply = Reply(request.timestamp, request.command, 1, 0, 0, 0, 3200, 0, 0, 0, 0)
    return encode_reply(reply._replace(**fields))  # type: ignore[arg-type]


def bench(answer: Answer, *, hangs_up: bool = True) -> tuple[MedocMms, Scripted, VirtualClock]:
    peer, clock = Scripted(answer, hangs_up=hangs_up), VirtualClock()
    return MedocMms(SimLink(peer, clock, "sim://scripted"), {"programs": PROGRAMS}, clock), peer, clock


WRONG: dict[str, tuple[Answer, type[QstError]]] = {
    "silence": (lambda _: [(99.0, b"")], LinkTimeoutError),
    "hung up at once": (lambda _: [], LinkClosedError),
    "length only": (lambda request: [(0.0, good(request)[:4])], RemoteProtocolError),
    "truncated": (lambda request: [(0.0, good(request)[:-1])], RemoteProtocolError),
    "garbage": (lambda _: [(0.0, b"HTTP/1.1 400 Bad Request\r\n\r\n")], RemoteProtocolError),
    "an ambiguous length": (lambda request: [(0.0, b"\x0f\0\0\0" + good(request)[4:])], RemoteProtocolError),
    "two replies": (lambda request: [(0.0, good(request) * 2)], RemoteProtocolError),
    "a reply and a half": (lambda request: [(0.0, good(request) + b"\x13")], RemoteProtocolError),
    "a stale time stamp": (
        lambda request: [(0.0, good(request._replace(timestamp=request.timestamp - 1)))],
        RemoteProtocolError,
    ),
    "another command": (lambda request: [(0.0, good(request._replace(command=5)))], RemoteProtocolError),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_answer_is_asked_for_once_more_and_then_reported(name: str) -> None:
    answer, error = WRONG[name]
    driver, peer, _ = bench(answer)
    with pytest.raises(error) as caught:
        driver.connect()
    assert caught.value.where in ("sim://scripted", "")
    assert [request.command for request in peer.requests] == [0, 0]


@pytest.mark.parametrize("name", WRONG)
def test_a_status_survives_one_wrong_answer(name: str) -> None:
    wrong = [WRONG[name][0]]
    driver, _, _ = bench(lambda request: wrong.pop()(request) if wrong else [(0.001, good(request))])
    driver.connect()


@pytest.mark.parametrize("name", WRONG)
def test_make_safe_survives_two_wrong_answers_and_sends_nothing_but_abort(name: str) -> None:
    wrong = [WRONG[name][0]] * 2
    driver, peer, _ = bench(lambda request: wrong.pop()(request) if wrong else [(0.001, good(request))])
    driver.make_safe()
    assert [request.command for request in peer.requests] == [Command.ABORT] * 3


@pytest.mark.parametrize("name", WRONG)
def test_make_safe_says_when_it_could_not(name: str) -> None:
    driver, peer, clock = bench(WRONG[name][0])
    with pytest.raises((LinkError, InstrumentFaultError)) as caught:
        driver.make_safe()
    assert "emergency button" in caught.value.remedy
    assert "ABORT was sent 4 times" in caught.value.did
    assert {request.command for request in peer.requests} == {Command.ABORT}
    assert clock.monotonic() < 10.0


def test_make_safe_does_not_believe_an_mms_that_lost_its_device() -> None:
    driver, _, _ = bench(lambda request: [(0.0, good(request, return_code=0x1000))])
    with pytest.raises(InstrumentFaultError, match="lost its device"):
        driver.make_safe()


def test_time_stamps_never_repeat_however_fast_the_requests_are() -> None:
    driver, peer, clock = bench(lambda request: [(0.0, good(request))])
    driver.connect()
    for _ in range(50):
        driver.poll()
    clock.sleep(1000.0)
    driver.poll()
    stamps = [request.timestamp for request in peer.requests]
    assert len(set(stamps)) == len(stamps)
    assert stamps == sorted(stamps)
    assert stamps[0] == 946717200  # Unix seconds of the virtual epoch
    assert stamps[-1] == 946717200 + 1000


def test_pieces_within_the_deadline_make_a_reply_and_beyond_it_do_not() -> None:
    def slow(request: ReceivedRequest, step_s: float) -> list[tuple[float, bytes]]:
        return [(index * step_s, bytes([byte])) for index, byte in enumerate(good(request))]

    driver, _, _ = bench(lambda request: slow(request, 0.02))
    driver.connect()
    driver, _, _ = bench(lambda request: slow(request, 0.03))
    with pytest.raises(LinkTimeoutError):
        driver.connect()


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"return_code": 0x1000}, "DEVICE_COMM_ERROR"),
        ({"return_code": 0x4000, "system_state": 0, "message": b"Heater"}, "SAFETY_ERROR Heater"),
        ({"return_code": 0x7777}, "0x7777"),
        ({"return_code": 0x1000, "system_state": 9, "test_state": 12}, "system 9, test 12"),
    ],
)
def test_faults_are_reported_with_code_text_and_state(fields: dict[str, int | bytes], says: str) -> None:
    driver, _, _ = bench(lambda request: [(0.0, good(request, **fields))])
    with pytest.raises(InstrumentFaultError, match=says):
        driver.connect()


@pytest.mark.parametrize("code", [0x2000, 0x3000])
def test_a_warning_or_a_wait_for_the_operator_is_no_fault(code: int) -> None:
    driver, _, _ = bench(lambda request: [(0.0, good(request, return_code=code))])
    driver.connect()


def test_a_generation_that_changes_under_way_is_an_error() -> None:
    older: dict[str, int | bytes | None] = {}
    driver, _, _ = bench(lambda request: [(0.0, good(request, **older))])
    driver.connect()
    older |= {"generation": 18, "ttl": None}
    with pytest.raises(RemoteProtocolError):
        driver.poll()


def waiting(request: ReceivedRequest, sent: list[int]) -> bytes:
    """A well-behaved MMS as far as the trigger."""
    sent.append(request.command)
    if Command.START in sent:
        return good(request, system_state=2, test_state=1)
    if Command.SELECT_TP in sent:
        return good(request, system_state=2, test_state=3)
    return good(request)


@pytest.mark.parametrize("name", WRONG)
def test_a_trigger_without_a_proper_answer_is_never_sent_again(name: str) -> None:
    sent: list[int] = []

    def answer(request: ReceivedRequest) -> list[tuple[float, bytes]]:
        frame = waiting(request, sent)
        return WRONG[name][0](request) if request.command == Command.TRIGGER else [(0.001, frame)]

    driver, _, clock = bench(answer)
    driver.connect()
    driver.prepare(HEAT)
    driver.adapt()
    while not driver.ready():
        driver.poll()
        clock.sleep(0.1)
    with pytest.raises(WRONG[name][1]):
        driver.begin()
    with pytest.raises(NotReadyError):
        driver.begin()
    with pytest.raises(NotReadyError):
        driver.prepare(HEAT)  # it may have begun
    assert sent.count(Command.TRIGGER) == 1
    assert sent.count(Command.START) == 1


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_any_bytes_at_all_give_an_error_of_the_suite(chunks: list[bytes]) -> None:
    driver, _, _ = bench(lambda _: [(0.01 * index, chunk) for index, chunk in enumerate(chunks) if chunk])
    with pytest.raises((LinkError, RemoteProtocolError)):
        driver.connect()
    with pytest.raises((LinkError, InstrumentFaultError)):
        driver.make_safe()
