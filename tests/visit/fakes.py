"""Instruments, operators and logs for testing the engine alone. They keep a journal of everything done to them."""

from collections.abc import Callable, Sequence

from qst.abort import AbortSwitch
from qst.clock import Clock, VirtualClock
from qst.errors import LinkTimeoutError, LogWriteError
from qst.instruments import (
    ButtonEdge,
    Capabilities,
    Identity,
    Modality,
    PressureRamp,
    Programming,
    Reading,
    Sample,
    SetupStep,
    ThermalRamp,
)
from qst.protocol.plan import Plan, PlannedTrial
from qst.record import records
from qst.record.records import Score, Trial
from qst.visit.bench import Bench
from qst.visit.desk import Desk
from qst.visit.engine import VisitEngine, VisitResult
from qst.visit.history import History
from qst.visit.operator import Answered, AutomaticOperator, LiveEvent, OperatorCommand, OperatorPrompt


def capabilities(kind: str) -> Capabilities:
    thermal = kind == "thermode"
    return Capabilities(
        kind=kind,
        modalities=frozenset({Modality.HEAT, Modality.COLD} if thermal else {Modality.PRESSURE}),
        value_min=0.0,
        value_max=50.0 if thermal else 2000.0,
        resolution=0.01,
        rate_min=0.1,
        rate_max=200.0,
        reading=Reading.POLLED,
        programming=Programming.FREE,
        ends_ramp_on_button=False,
        ends_ramp_at_limit=False,
        self_limiting=False,
        has_button=False,
        acknowledges=True,
        checksums=False,
        timestamps=False,
    )


class Journal(list[str]):
    """What happened, in order."""


class FakeThermode:
    """An ideal plate: at its start at once, exact ramps, back at once."""

    capabilities = capabilities("thermode")

    def __init__(self, clock: Clock, journal: Journal) -> None:
        self.clock, self.journal = clock, journal
        self.ramp: ThermalRamp | None = None
        self.begun_s: float | None = None
        self.fails_at_s: float | None = None
        self.beside_c = 0.0  # how far from its start the plate rests
        self.slow_return_s = 0.0  # how long the plate stays where it was after a stop
        self.stopped_at: tuple[float, float] | None = None
        self.made_safe_s: list[float] = []
        self.stop_error: Exception | None = None

    def connect(self) -> Identity:
        self.journal.append("connect")
        return Identity(model="fake thermode")

    def check(self, ramp: ThermalRamp | PressureRamp) -> None:
        pass

    def prepare(self, ramp: ThermalRamp) -> None:
        self.ramp, self.begun_s = ramp, None

    def adapt(self) -> None:
        self.journal.append("adapt")

    def ready(self) -> bool:
        return True

    def begin(self) -> None:
        self.journal.append("begin")
        self.begun_s = self.clock.monotonic()

    def poll(self) -> Sequence[Sample]:
        now_s = self.clock.monotonic()
        if self.fails_at_s is not None and now_s >= self.fails_at_s:
            raise LinkTimeoutError("no answer within 1 s", where="fake://thermode")
        return (Sample(now_s, self.temperature_c(now_s)),)

    def temperature_c(self, now_s: float) -> float:
        if self.ramp is None:
            return 32.0
        if self.stopped_at is not None and now_s - self.stopped_at[0] < self.slow_return_s:
            return self.stopped_at[1]
        if self.begun_s is None:
            return self.ramp.start_c + self.beside_c
        sign = 1.0 if self.ramp.rising else -1.0
        return self.ramp.start_c + sign * self.ramp.rate_c_per_s * (now_s - self.begun_s)

    def stop(self) -> None:
        self.journal.append("stop")
        if self.stop_error is not None:
            raise self.stop_error
        now_s = self.clock.monotonic()
        self.stopped_at = (now_s, self.temperature_c(now_s))
        self.begun_s = None

    def make_safe(self) -> None:
        self.journal.append("make_safe")
        now_s = self.clock.monotonic()
        self.made_safe_s.append(now_s)
        self.stopped_at = (now_s, self.temperature_c(now_s))
        self.begun_s = None

    def close(self) -> None:
        self.journal.append("close")


class FakeGauge:
    """A gauge under an ideal hand that presses from begin until told to let go."""

    capabilities = capabilities("algometer")
    tip_area_cm2 = 1.0

    def __init__(self, clock: VirtualClock, journal: Journal) -> None:
        self.clock, self.journal = clock, journal
        self.pressed_s: float | None = None
        self.peak = 0.0
        self.peak_error = 0.0
        self.hand_factor = 1.0
        self.steps: tuple[SetupStep, ...] = ()
        self.setup_error: Exception | None = None  # raised once

    def setup_steps(self) -> tuple[SetupStep, ...]:
        return self.steps

    def begin_setup(self, step_id: str) -> None:
        if isinstance(self.setup_error, LinkTimeoutError):
            raise self.setup_error

    def finish_setup(self, step_id: str) -> str:
        error, self.setup_error = self.setup_error, None
        if error is not None:
            raise error
        return "push sign +1"

    def connect(self) -> Identity:
        return Identity(model="fake gauge")

    def check(self, ramp: ThermalRamp | PressureRamp) -> None:
        pass

    def prepare(self, ramp: PressureRamp) -> None:
        self.ramp = ramp

    def tare(self) -> None:
        self.peak = 0.0

    def begin(self) -> None:
        self.journal.append("begin")

    def poll(self) -> Sequence[Sample]:
        now_s = self.clock.monotonic()
        value = (
            0.0 if self.pressed_s is None else self.hand_factor * self.ramp.rate_kpa_per_s * (now_s - self.pressed_s)
        )
        self.peak = max(self.peak, value)
        return (Sample(now_s, value),)

    def stop(self) -> None:
        self.journal.append("stop readings")

    def make_safe(self) -> None:
        self.journal.append("make_safe gauge")

    def peak_kpa(self) -> float | None:
        return self.peak + self.peak_error

    def close(self) -> None:
        pass


class FakeHands:
    """Hands that press the fake gauge and let go at once."""

    def __init__(self, gauge: FakeGauge) -> None:
        self.gauge = gauge
        self.withdrew = False

    def delay_s(self, kind: str, key: str) -> float:
        return 1.0

    def place(self, *, role: str, modality: str, site_code: str, side: str, exposure: int, key: str) -> None:
        self.gauge.journal.append(f"place {key}")

    def press(self, *, rate_kpa_per_s: float) -> None:
        self.gauge.pressed_s = self.gauge.clock.monotonic()

    def press_on_table(self) -> None:
        self.gauge.journal.append("press on table")

    def release(self) -> None:
        self.gauge.pressed_s = None

    def lift(self) -> None:
        self.gauge.pressed_s = None

    def read_display(self) -> str:
        return "1.0"


class FakeButton:
    """Pressed at given times on the clock."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.presses_s: list[float] = []
        self.held = False

    def edges(self) -> Sequence[ButtonEdge]:
        now_s = self.clock.monotonic()
        due = [ButtonEdge(at_s, pressed=True) for at_s in self.presses_s if at_s <= now_s]
        self.presses_s = [at_s for at_s in self.presses_s if at_s > now_s]
        return due

    def pressed(self) -> bool:
        return self.held


class MemoryLog:
    """A log in memory, with the journal's view of when things were written."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.records: list[records.Record] = []
        self.full_after: int | None = None

    def write(self, record: records.Record) -> str:
        if self.full_after is not None and len(self.records) >= self.full_after:
            raise LogWriteError("no space left on device")
        self.records.append(record)
        self.journal.append(f"log {type(record).__name__}")
        return f"{len(self.records):064x}"

    def commit(self) -> None:
        self.journal.append("commit")

    def check(self) -> None:
        pass

    def of(self, kind: type[records.Record]) -> list[records.Record]:
        return [record for record in self.records if isinstance(record, kind)]


class ScriptedOperator(AutomaticOperator):
    """The automatic operator, interrupted by a script: called at each poll, it may say something."""

    def __init__(self, clock: VirtualClock, hands: FakeHands) -> None:
        super().__init__(clock, hands)
        self.script: Callable[[float], Sequence[OperatorCommand]] = lambda _: ()
        self.answers: dict[str, Answered] = {}
        self.seen: list[LiveEvent] = []
        self.prompts: list[OperatorPrompt] = []
        self.now = clock.monotonic

    def present(self, prompt: OperatorPrompt) -> None:
        self.prompts.append(prompt)
        super().present(prompt)

    def poll(self) -> Sequence[OperatorCommand]:
        said = list(super().poll())
        changed = [self.answers.pop(f"{self._kind(answer)}", answer) for answer in said if isinstance(answer, Answered)]
        return [*changed, *self.script(self.now())]

    def _kind(self, answer: Answered) -> str:
        return next(prompt.kind.value for prompt in self.prompts if prompt.id == answer.prompt_id)

    def tell(self, event: LiveEvent) -> None:
        self.seen.append(event)


class Visit:
    """A visit on fakes, ready to run."""

    def __init__(self, *trials: PlannedTrial, history: History | None = None, follows_samples: bool = False) -> None:
        self.abort = AbortSwitch()
        self.clock = VirtualClock(self.abort)
        self.journal = Journal()
        self.log = MemoryLog(self.journal)
        self.thermode = FakeThermode(self.clock, self.journal)
        self.gauge = FakeGauge(self.clock, self.journal)
        self.hands = FakeHands(self.gauge)
        self.button = FakeButton(self.clock)
        self.operator = ScriptedOperator(self.clock, self.hands)
        self.operator.follows_samples = follows_samples
        self.desk = Desk(self.operator, self.log, self.clock, self.abort, by="op")
        plan = plan_of(*trials)
        bench = Bench(
            thermode=self.thermode,
            algometer=self.gauge,
            thermode_driver="fake-thermode",
            algometer_driver="fake-gauge",
            button=self.button,
            hands=self.hands,
        )
        self.engine = VisitEngine(plan, bench, self.desk, self.log, self.clock, self.abort, no_scores, history=history)

    def run(self) -> VisitResult:
        return self.engine.run()

    def trials(self) -> list[Trial]:
        return [record for record in self.log.records if isinstance(record, Trial)]


def plan_of(*trials: PlannedTrial) -> Plan:
    return Plan(
        protocol_id="test",
        protocol_version="1",
        protocol_sha256="0" * 64,
        title="test",
        seed=1,
        trials=trials,
        scores=(),
    )


def no_scores(trials: Sequence[Trial]) -> tuple[Score, ...]:
    return ()
