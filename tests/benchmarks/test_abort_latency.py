"""The measurement of stops runs, and measures what it says. What comes out is not judged here: machines differ."""

import os

import pytest

from benchmarks import abort_latency
from qst_drivers.wire.mms import Command, Request, encode_request


def test_a_stop_is_told_from_other_bytes() -> None:
    plain = (Command.GET_STATUS, Command.START, Command.TRIGGER, Command.STOP, Command.ABORT)
    stops = [each for each in plain if abort_latency._is_stop("medoc-mms", encode_request(Request(each, 1)))]
    assert stops == [Command.STOP, Command.ABORT]
    assert abort_latency._is_stop("qstlab-tcs", b"AAA")
    assert not abort_latency._is_stop("qstlab-tcs", b"KE")
    assert abort_latency._is_stop("arroyo-5300", b"TEC:TRATE 96;TEC:T 32\r\n")
    assert not abort_latency._is_stop("arroyo-5300", b"TEC:T 48\r\nTEC:T?\r\n")


def test_a_slow_disk_is_slow_only_as_long_as_asked() -> None:
    fsync, fstat = os.fsync, os.fstat
    with abort_latency.slow_disk(1.0, 1.0):
        assert os.fsync is not fsync
        assert os.fstat is not fstat
    assert (os.fsync, os.fstat) == (fsync, fstat)


@pytest.mark.parametrize("device", ["medoc-mms"])
def test_two_stops_over_a_real_wire(device: str) -> None:
    found, bare = abort_latency.measure(device, 2, fsync_ms=1.0, write_ms=0.0)
    latencies = [latency_ms for each in found.values() for latency_ms in each]
    assert len(latencies) == len(bare) >= 2
    assert all(latency_ms > 0.0 for latency_ms in (*latencies, *bare))
