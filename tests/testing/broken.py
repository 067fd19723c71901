"""Drivers with one defect each, made from the shipped ones."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from qst.clock import Clock
from qst.errors import LinkError, LinkTimeoutError, NotReadyError, QstError, RefusedError, RemoteProtocolError
from qst.instruments import Capabilities, EntryVerdict, Identity, Link, PressureRamp, RampEnd, Sample, ThermalRamp
from qst_drivers.jtech_commander import JtechCommander
from qst_drivers.mark10 import Mark10
from qst_drivers.qstlab_tcs import QstlabTcs
from qst_drivers.wire.tcs import Neutral, encode


class ChecksNothing(QstlabTcs):
    """check() lets everything pass."""

    def check(self, ramp: ThermalRamp | PressureRamp) -> None:
        pass

    def prepare(self, ramp: ThermalRamp) -> None:
        super().check(ramp)
        super().prepare(ramp)


class Clamps(QstlabTcs):
    """prepare() takes the nearest ramp that it can do."""

    def prepare(self, ramp: ThermalRamp) -> None:
        try:
            super().prepare(ramp)
        except RefusedError:
            super().prepare(ThermalRamp(start_c=32.0, rate_c_per_s=1.0, cutoff_c=50.0, return_rate_c_per_s=8.0))


class RoundsTheRate(QstlabTcs):
    """A quarter of a degree a second becomes a fifth on its way to the wire."""

    def prepare(self, ramp: ThermalRamp) -> None:
        super().prepare(ramp)
        if ramp.rate_c_per_s == 0.25:
            super().prepare(msgspec.structs.replace(ramp, rate_c_per_s=0.2))


class TouchesTheLinkWhenBuilt(QstlabTcs):
    """Looks whether the port is there as soon as it is built."""

    def __init__(self, link: Link, settings: Mapping[str, Any], clock: Clock) -> None:
        super().__init__(link, settings, clock)
        link.open()
        link.close()


class HasNoName(QstlabTcs):
    """Does not say what answered."""

    def connect(self) -> Identity:
        return msgspec.structs.replace(super().connect(), model="")


class BeginsUnprepared(QstlabTcs):
    """Starts whatever the device has been told last."""

    def begin(self) -> None:
        if self._open and self._program is None:
            self._port.send(b"Ol")
        else:
            super().begin()


class BeginsAnywhere(QstlabTcs):
    """Does not look where the plate is."""

    def begin(self) -> None:
        try:
            super().begin()
        except NotReadyError:
            if not self._adapted:
                raise
            self._port.send(b"Ol")


class StopsNothing(QstlabTcs):
    """stop() forgets the ramp and leaves the plate on it."""

    def stop(self) -> None:
        self._watch, self._adapted = None, False


class StopsOnlyOnce(QstlabTcs):
    """A second stop() has nothing to stop, and complains."""

    def stop(self) -> None:
        if not self._open:
            raise NotReadyError("nothing to stop")
        super().stop()


class WarmsOnItsWayToSafety(QstlabTcs):
    """make_safe() clears the device with a baseline of its own first."""

    def make_safe(self) -> None:
        if self._open:
            self._port.send(encode(Neutral(45.0)))
            self._clock.sleep(0.5)
            self._plate.neutral_c = 45.0
        super().make_safe()


class AsksBeforeItActs(QstlabTcs):
    """make_safe() wants to know the battery first."""

    def make_safe(self) -> None:
        if self._open:
            try:
                self._port.ask("B")
            except RemoteProtocolError as error:
                raise LinkTimeoutError(error.what) from error
        super().make_safe()


class LeavesThePlate(QstlabTcs):
    """close() hangs up in the middle of a ramp."""

    def close(self) -> None:
        self._safe = True
        super().close()


class KeepsThePortWhenConnectingFails(QstlabTcs):
    """connect() gives up and keeps the link."""

    def connect(self) -> Identity:
        try:
            return super().connect()
        except QstError:
            self._link.open()
            raise


class KeepsABrokenPort(QstlabTcs):
    """close() gives up at the first byte that cannot be sent."""

    def close(self) -> None:
        if self._open:
            self._port.send(b"F")
        super().close()


class ForgetsItsDoubts(QstlabTcs):
    """A time-out, and the next question is asked as if nothing had happened."""

    def poll(self) -> Sequence[Sample]:
        try:
            return super().poll()
        except LinkTimeoutError:
            self._port.in_doubt = False
            raise


class SwallowsAborts(QstlabTcs):
    """Catches everything, to be on the safe side."""

    def poll(self) -> Sequence[Sample]:
        try:
            return super().poll()
        except QstError:
            raise
        except BaseException:  # noqa: BLE001 - the defect
            return ()


class SaysNoRemedy(QstlabTcs):
    """Errors without a word about what to do."""

    def poll(self) -> Sequence[Sample]:
        try:
            return super().poll()
        except QstError as error:
            error.remedy = ""
            raise


class OverlooksFaults(QstlabTcs):
    """No news is good news."""

    def poll(self) -> Sequence[Sample]:
        try:
            return super().poll()
        except LinkError:
            return ()


class StampsAhead(QstlabTcs):
    """Times lie a tenth of a second in the future."""

    def poll(self) -> Sequence[Sample]:
        return [sample._replace(time_s=sample.time_s + 0.1) for sample in super().poll()]


class TakesTheEndBack(QstlabTcs):
    """The end of the ramp is told in one sample only."""

    _told = False

    def begin(self) -> None:
        super().begin()
        self._told = False

    def poll(self) -> Sequence[Sample]:
        samples = super().poll()
        if self._told:
            return [sample._replace(ended=None) for sample in samples]
        self._told = any(sample.ended is not None for sample in samples)
        return samples


class NamesTheWrongEnd(QstlabTcs):
    """Every end is the cut-off's."""

    def poll(self) -> Sequence[Sample]:
        samples = super().poll()
        return [sample._replace(ended=RampEnd.LIMIT) if sample.ended else sample for sample in samples]


class Declares(QstlabTcs):
    """Capabilities that are not the device's; ``LIES`` says which."""

    LIES: Mapping[str, Any] = {}

    @property
    def capabilities(self) -> Capabilities:
        return msgspec.structs.replace(super().capabilities, **self.LIES)


def declaring(**lies: Any) -> type[QstlabTcs]:
    """A driver that declares something else."""
    return type("Declares", (Declares,), {"LIES": lies})


class ZeroesUnderLoad(Mark10):
    """tare() takes whatever lies on the tip for nothing."""

    def tare(self) -> None:
        self._zeroed = False
        try:
            super().tare()
        except NotReadyError:
            self._zeroed = True


class StreamsOn(Mark10):
    """stop() leaves the gauge talking."""

    def stop(self) -> None:
        pass


class PeaksInAnotherUnit(Mark10):
    """The peak is converted with another tip."""

    def peak_kpa(self) -> float | None:
        peak_kpa = super().peak_kpa()
        return None if peak_kpa is None else peak_kpa / 2


class PretendsToBeFine(Mark10):
    """Declares a tenth of the digit that it has."""

    @property
    def capabilities(self) -> Capabilities:
        can = super().capabilities
        return msgspec.structs.replace(can, resolution=can.resolution / 10)


class RoundsEntries(JtechCommander):
    """A value between two digits is moved to the next one."""

    def check_entry(self, text: str, elapsed_s: float, earlier_kpa: Sequence[float] = ()) -> EntryVerdict:
        number, _, unit = text.partition(" ")
        if not number.replace(".", "", 1).isdigit():
            return super().check_entry(text, elapsed_s, earlier_kpa)
        verdict = super().check_entry(f"{float(number):.1f} {unit}".strip(), elapsed_s, earlier_kpa)
        return msgspec.structs.replace(verdict, raw_text=text)


class SeesTheDisplay(JtechCommander):
    """Makes samples up from the pacing."""

    def poll(self) -> Sequence[Sample]:
        return (Sample(0.0, 1.0),)
