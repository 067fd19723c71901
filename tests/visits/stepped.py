"""A simulated visit that somebody else lets go on, a moment at a time, and whose plate is looked at all the while.

The visit runs in a thread of its own and the tester in another; one of them always waits for the other, so that nothing
depends on how the computer schedules them. Between two moments the tester does what an operator, a participant or bad
luck would do.
"""

import functools
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from qst import __version__
from qst.abort import AbortCause, AbortSwitch
from qst.analysis.recorded_summary import verify_visit
from qst.analysis.scores import score_all
from qst.clock import VirtualClock
from qst.instruments import ThermalRamp
from qst.protocol.loader import LoadedProtocol, load_protocol
from qst.record.log import LogWriter
from qst.record.reader import read_log
from qst.record.records import Resume, VisitOutcome
from qst.record.verify import Status
from qst.rigs.simulated import simulated_bench, simulated_rig
from qst.station import LoadedStation, load_station_bytes
from qst.visit.engine import VisitResult
from qst.visit.history import history_of
from qst.visit.operator import (
    Answered,
    AutomaticOperator,
    Choice,
    LiveEvent,
    OperatorCommand,
    OperatorPrompt,
    PromptKind,
    TrialBegan,
)
from qst.visit.session import Who, checked_plan, header, run_session
from qst_simulators.faults import Fault
from qst_simulators.profile import Profile, load_profile
from tests.visits.plate_truth import PlateTruth

PROTOCOL = Path(__file__).with_name("any_visit.yaml")
THERMODES = ("medoc-mms", "qstlab-tcs", "arroyo-5300")
#: A visit that is not over by then, s, will never be: two trials, two attempts each, and every patience used up.
LONGEST_S = 900.0
_PROGRAMS = [
    {"word": 100, "baseline": "36 °C", "rate": "1 °C/s", "cutoff": "44 °C", "return_rate": "1.6 °C/s"},
    {"word": 101, "baseline": "28 °C", "rate": "1 °C/s", "cutoff": "20 °C", "return_rate": "1.6 °C/s"},
]
_SETTINGS: dict[str, dict[str, Any]] = {"medoc-mms": {"programs": _PROGRAMS, "pretest": "0.5 s"}}
_SIMULATOR: dict[str, dict[str, Any]] = {
    "medoc-mms": {"programs": _PROGRAMS, "pretest_s": 0.4},
    "qstlab-tcs": {"offsets": False},  # the absolute error of the probe is no fault
}


class HangingError(AssertionError):
    """The visit does not come to an end."""


class SteppedClock(VirtualClock):
    """Virtual time that waits for the tester at every moment that was agreed on."""

    def __init__(self, abort: AbortSwitch, wait: Callable[[], None]) -> None:
        super().__init__(abort)
        self._wait = wait
        self.until_s = 0.0

    def sleep(self, seconds: float) -> None:
        end_s = self._now_s + max(seconds, 0.0)
        while end_s > self.until_s:
            super().sleep(self.until_s - self._now_s)
            self._wait()
            self._abort.check()
        super().sleep(end_s - self._now_s)


class ObedientOperator(AutomaticOperator):
    """Answers after a moment, and decides as the tester wants."""

    def __init__(self, clock: SteppedClock, hands: Any) -> None:
        super().__init__(clock, hands)
        self.said: list[OperatorCommand] = []
        self.wanted: Choice | None = None
        self.began: Callable[[TrialBegan], None] = lambda _: None

    def poll(self) -> Sequence[OperatorCommand]:
        said, self.said = self.said, []
        return [*super().poll(), *said]

    def _answer(self, prompt: OperatorPrompt) -> Answered:
        answer = super()._answer(prompt)
        judging = prompt.kind in (PromptKind.JUDGE, PromptKind.FAULT, PromptKind.UNFINISHED)
        if not judging or self.wanted not in prompt.choices or prompt.attempt > 2:
            return answer
        choice, self.wanted = self.wanted, None
        return msgspec.structs.replace(answer, choice=choice, reason="the tester wanted it")

    def tell(self, event: LiveEvent) -> None:
        if isinstance(event, TrialBegan):
            self.began(event)
        super().tell(event)


@functools.cache
def profile() -> Profile:
    """A participant who may feel pain anywhere between the start and beyond the cut-off, and answers quickly."""
    found = load_profile("fibromyalgia")
    quick = {name: msgspec.structs.replace(each, median=0.2) for name, each in found.operator.delays_s.items()}
    operator = msgspec.structs.replace(found.operator, delays_s=quick)
    lapses = msgspec.structs.replace(found.lapses, late=0.1, none=0.2, anticipatory=0.1, accidental=0.05)
    return msgspec.structs.replace(found, operator=operator, lapses=lapses)


@functools.cache
def protocol() -> LoadedProtocol:
    return load_protocol(str(PROTOCOL))


@functools.cache
def station(driver: str, switches: str = "{}") -> LoadedStation:
    """A station with one thermode; ``switches`` is JSON, on top of its simulator's."""
    simulator = {**_SIMULATOR.get(driver, {}), **msgspec.json.decode(switches)}
    spec = {
        "driver": driver,
        "link": f"sim://{driver}",
        "settings": _SETTINGS.get(driver, {}),
        "simulator": simulator,
    }
    text = msgspec.json.encode({"station": "any", "instruments": {"thermode": spec}, "button": "simulated"})
    return load_station_bytes(text, "any.yaml")


def mms_with(heat: str, cold: str, heat_cutoff: str = "44 °C") -> str:
    """Switches of the simulated MMS: its two programs begin where the station file does not say."""
    rates = {"rate": "1 °C/s", "return_rate": "1.6 °C/s"}
    programs = [
        {"word": 100, "baseline": heat, "cutoff": heat_cutoff, **rates},
        {"word": 101, "baseline": cold, "cutoff": "20 °C", **rates},
    ]
    return msgspec.json.encode({"programs": programs}).decode()


class SteppedVisit:
    """A visit, its bench, and the truth about its plate.

    Args:
        driver: which thermode.
        path: the log.
        seed: everything random follows from it.
        switches: JSON, switches of the simulator.
        reaction_c: see :class:`PlateTruth`.
        participant: who is tested.
    """

    def __init__(
        self,
        driver: str,
        path: Path,
        seed: int,
        *,
        switches: str = "{}",
        reaction_c: float = 0.0,
        participant: Profile | None = None,
    ) -> None:
        self.driver = driver
        self._reaction_c, self._participant = reaction_c, participant or profile()
        self._path, self._seed, self._switches = path, seed, switches
        self.results: list[VisitResult] = []
        self.problems: list[str] = []
        self.injected: list[Fault] = []
        self._mine, self._theirs = threading.Semaphore(0), threading.Semaphore(0)
        self._start(first=True)

    # -- one process's part of the visit --------------------------------------------------------------------------

    def _start(self, *, first: bool) -> None:
        self.abort = AbortSwitch()
        self.clock = SteppedClock(self.abort, self._hand_over)
        where = station(self.driver, self._switches)
        self.bench = simulated_bench(where, self.clock, seed=self._seed, profile=self._participant)
        self.device = self.bench.device("thermode")
        self.rig = simulated_rig(where, self.bench, self.clock, self._participant)
        self.operator = ObedientOperator(self.clock, self.rig.hands)
        self.operator.began = self._trial_began
        overshoot_c = self.rig.instruments["thermode"].capabilities.stated_overshoot
        self.truth = PlateTruth(
            self.bench.world, self.device.surface, self.driver, overshoot_c + self._reaction_c, self.problems
        )
        self.over = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(first,), daemon=True)
        self._thread.start()
        self._mine.acquire()

    def _run(self, first: bool) -> None:
        try:
            self._hand_over()
            self.results.append(self._begin() if first else self._resume())
        except BaseException as error:  # noqa: BLE001 - whatever ends the visit's thread is the tester's to judge
            self._error = error
        self.over = True
        self._mine.release()

    def _hand_over(self) -> None:
        self._mine.release()
        self._theirs.acquire()

    def _begin(self) -> VisitResult:
        plan = checked_plan(protocol(), self._seed, self.rig)
        with LogWriter.create(self._path, self.clock, sync=False) as log:
            who = Who(participant_id="P01", visit=1, operator_id="op")
            log.write(header(who, protocol(), plan, self.rig, self.clock, seed=self._seed))
            return self._session(plan, log, None)

    def _resume(self) -> VisitResult:
        plan = checked_plan(protocol(), self._seed, self.rig)
        log, so_far = LogWriter.resume(self._path, self.clock, sync=False)
        with log:
            history = history_of(so_far)
            log.write(
                Resume(
                    software_version=__version__,
                    operator_id="op",
                    clock="virtual",
                    seed=self._seed,
                    torn=so_far.torn_text,
                    next_sequence_index=history.next_index,
                )
            )
            return self._session(plan, log, history)

    def _session(self, plan: Any, log: LogWriter, history: Any) -> VisitResult:
        scorer = functools.partial(score_all, plan)
        return run_session(
            self.rig, plan, self.operator, log, self.clock, self.abort, scorer, operator_id="op", history=history
        )

    def _trial_began(self, event: TrialBegan) -> None:
        ramp = event.planned.ramp
        assert isinstance(ramp, ThermalRamp)
        self.truth.began(ramp)

    # -- what the tester does -------------------------------------------------------------------------------------

    @property
    def now_s(self) -> float:
        return self.clock.monotonic()

    def advance(self, seconds: float) -> None:
        """Let the visit go on."""
        if self.over:
            return
        self.clock.until_s = self.now_s + seconds
        self._theirs.release()
        self._mine.acquire()
        if self._error is not None:
            raise self._error
        if self.now_s > LONGEST_S:
            raise HangingError(f"still running after {self.now_s:.0f} s")

    def stop(self, cause: AbortCause) -> None:
        """Somebody stops: from now on the plate may only go back."""
        self.bench.world.advance(self.now_s)
        self.truth.stopped()
        self.abort.throw(cause)

    def press(self, for_s: float) -> None:
        """The participant presses now."""
        world, line = self.bench.world, self.bench.line
        world.advance(self.now_s)
        line.set(pressed=True)
        world.at(self.now_s + for_s, lambda: line.set(pressed=False))

    def inject(self, fault: Fault, **options: Any) -> None:
        """Something breaks now."""
        self.bench.world.advance(self.now_s)
        self.device.inject(fault.value, **options)
        self.injected.append(fault)
        self.truth.broke(fault)

    @property
    def may_resume(self) -> bool:
        """Whether this part is over, and another may follow."""
        resumable = (VisitOutcome.INTERRUPTED, VisitOutcome.FAILED)
        return self.over and len(self.results) < 3 and self.results[-1].outcome in resumable

    def resume(self) -> None:
        """Another process goes on with the visit, with instruments that were switched off and on."""
        self._check_log()
        self.injected.clear()
        self._start(first=False)

    def finish(self) -> None:
        """Let the visit come to its end, whatever that is, and look at what it left."""
        while not self.over:
            self.advance(60.0)
        self._thread.join()
        self.let_stand(60.0)
        self._check_log()

    def let_stand(self, seconds: float) -> None:
        """After the visit, time passes for the bench alone."""
        self.bench.world.advance(max(self.bench.world.now_s, self.now_s) + seconds)
        assert self.problems == [], "\n".join(self.problems)

    def _check_log(self) -> None:
        assert verify_visit(self._path).status is Status.INTACT
        log = read_log(self._path)
        assert log.outcome is self.results[-1].outcome
        for attempt in log.attempts:
            assert attempt.trial is not None, f"attempt {attempt.attempt} at {attempt.sequence_index} has no outcome"
            assert attempt.trial.valid or attempt.trial.invalid_reason
