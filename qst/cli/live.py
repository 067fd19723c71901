"""What a visit shows in a terminal: one line a threshold at full speed, a live picture in real time."""

import contextlib
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

import msgspec
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from qst.instruments import PressureRamp
from qst.protocol.plan import PlannedTrial, Rounding
from qst.record.records import Outcome, Score, Trial, VisitOutcome
from qst.sites import SITES
from qst.units import format_display, format_value
from qst.visit.engine import VisitResult
from qst.visit.operator import (
    Alarm,
    LiveEvent,
    Measured,
    Pace,
    ReleaseNow,
    Remark,
    RestLeft,
    StateEntered,
    TrialBegan,
    TrialEnded,
    TrialNext,
)

_BARS = "▁▂▃▄▅▆▇█"
_TRACE_WIDTH = 60
#: So many events may wait for the screen before samples are left out.
_MOST_WAITING = 1000
#: The screen gets so long to show the last lines, s.
_LAST_WORDS_S = 2.0
_SIDES = {"L": "LEFT", "R": "RIGHT", "": ""}


def threshold_line(trial: Trial, planned: PlannedTrial) -> str:
    """One recorded attempt as a line: number, what, where, value with unit, and whatever qualifies it."""
    name = "practice" if trial.is_practice else f"no. {trial.repeat_index}"
    if trial.value_display is not None:
        value = format_reported(trial.value_display, planned.rounding)
    else:
        value = trial.outcome.value.replace("_", " ")
    notes = []
    if trial.attempt > 1:
        notes.append(f"attempt {trial.attempt}")
    if trial.rate_flag:
        notes.append(f"ramp too {trial.rate_flag}")
    if not trial.valid:
        notes.append(f"not valid: {trial.invalid_reason}")
    elif trial.outcome is not Outcome.RESPONSE:
        notes.append(f"{trial.censoring.value}-censored")
    tail = f"   ({'; '.join(notes)})" if notes else ""
    where = SITES[trial.site_code].label(trial.side)
    return f"{trial.sequence_index:>3}  {trial.modality.value:<8}  {where:<30}  {name:<8}  {value:>12}{tail}"


def format_reported(value: float, rounding: Rounding) -> str:
    """A reported value with as many decimals as its rounding has, and its unit."""
    decimals = len(rounding.step.partition(".")[2])
    return format_display(value, rounding.display_unit, decimals=decimals)


class VisitConsole(Console):
    """A console that a visit can lose: who looks on never decides how the visit goes."""

    def on_broken_pipe(self) -> None:
        """Say no more, where rich would end the program."""
        self.quiet = True


class Unbreakable:
    """Shows events as long as showing works.

    Args:
        view: shows an event; may find that its screen, pipe or disk is gone.
    """

    def __init__(self, view: Callable[[LiveEvent], None]) -> None:
        self._view = view
        self._works = True

    def __call__(self, event: LiveEvent) -> None:
        """Show it, if that still works."""
        if self._works:
            try:
                self._view(event)
            except OSError:
                self._works = False


class LineView:
    """Prints one line for each recorded attempt."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __call__(self, event: LiveEvent) -> None:
        """Print what is worth a line."""
        if isinstance(event, TrialEnded):
            self._console.print(
                threshold_line(event.trial, event.planned), highlight=False, markup=False, soft_wrap=True
            )
        elif isinstance(event, Remark):
            self._console.print(event.text, highlight=False, markup=False, soft_wrap=True)


class LiveView:
    """A live picture of the visit: where, what to do, the trace, the progress.

    Within its ``with`` block it is drawn by threads of its own: a terminal that takes nothing holds up its picture, and
    nobody else.

    Args:
        console: where to draw.
        title: protocol, participant and whether this is simulated.
        n_trials: how many trials the plan has.
        n_done: how many of them are behind us.
    """

    def __init__(self, console: Console, title: str, n_trials: int, n_done: int = 0) -> None:
        self._title = title
        self._lines = LineView(console)
        self._trace: list[float] = []
        self._planned: PlannedTrial | None = None
        self._n_trials, self._done = n_trials, n_done
        self._status = "getting ready"
        self._value = ""
        self._question = ""
        self.help = ""  # the keys that always work
        self._live = Live(console=console, refresh_per_second=10, transient=True, get_renderable=self._picture)
        self._events: queue.SimpleQueue[LiveEvent | None] = queue.SimpleQueue()
        self._drawing = threading.Thread(target=self._draw, name="live view", daemon=True)

    def __enter__(self) -> Self:
        self._live.__enter__()
        self._drawing.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._events.put(None)
        self._drawing.join(_LAST_WORDS_S)
        with contextlib.suppress(OSError):  # the screen is gone; the log says it all
            self._live.__exit__(None, None, None)

    def __call__(self, event: LiveEvent) -> None:
        """Something happened. Never waits: samples that a stuck screen cannot show are left out."""
        if not isinstance(event, Measured) or self._events.qsize() < _MOST_WAITING:
            self._events.put(event)

    def _draw(self) -> None:
        shown = Unbreakable(self._take_in)
        while (event := self._events.get()) is not None:
            shown(event)

    def _take_in(self, event: LiveEvent) -> None:
        """The picture is redrawn by itself; lines are printed above it."""
        match event:
            case TrialNext() | TrialBegan() | StateEntered() | TrialEnded():
                self._moved_on(event)
            case Measured(value=value):
                self._measured(value)
            case ReleaseNow():
                self._release()
            case Alarm(text=text, urgent=urgent):
                self._status = text
                if urgent:
                    self._live.console.bell()
            case Pace(elapsed_s=elapsed_s, expected=expected):
                self._value = f"{elapsed_s:4.1f} s: the display should show {expected}"
            case RestLeft(seconds=seconds):
                self._status = f"rest, {seconds:.0f} s left" if seconds else "your turn"
            case Remark():
                self._lines(event)

    def _release(self) -> None:
        """A hand on a gauge hears it; what is urgent about it rings once more, as an alarm."""
        by_hand = self._planned is not None and self._planned.modality == "pressure"
        self._status = "release" if by_hand else "return"
        if by_hand:
            self._live.console.bell()

    def _moved_on(self, event: TrialNext | TrialBegan | StateEntered | TrialEnded) -> None:
        if isinstance(event, StateEntered):
            self._status = event.state
            if event.state == "ramp":
                self._trace.clear()
            return
        self._planned, self._value = event.planned, ""
        self._status = "recorded" if isinstance(event, TrialEnded) else "next"
        if not isinstance(event, TrialEnded):
            self._trace.clear()
            return
        if event.trial.valid:
            self._done = event.planned.sequence_index
        self._lines(event)

    def ask(self, question: str) -> None:
        """Show a question, or what is being typed; empty when there is none."""
        self._question = question

    def _measured(self, value: float) -> None:
        self._trace.append(value)
        if self._planned is not None:
            unit = "kgf/cm2" if self._planned.modality == "pressure" else "Cel"
            self._value = format_value(value, unit)

    def _picture(self) -> Panel:
        rows: list[Text | Table | ProgressBar] = [Text(self._where(), style="bold"), Text(self._line())]
        rows.append(Text(self._sparkline(), style="cyan"))
        progress = Table.grid(padding=(0, 1))
        progress.add_row(
            ProgressBar(total=self._n_trials, completed=self._done, width=_TRACE_WIDTH - 12),
            f"{self._done} of {self._n_trials}",
        )
        rows.append(progress)
        if self._question:
            rows.append(Text(self._question, style="bold yellow"))
        if self.help:
            rows.append(Text(self.help, style="dim"))
        return Panel(Group(*rows), title=self._title, title_align="left")

    def _where(self) -> str:
        planned = self._planned
        if planned is None:
            return "—"
        name = "practice" if planned.is_practice else f"no. {planned.repeat_index}"
        where = SITES[planned.site_code].label("")
        return f"{planned.modality.value.upper()}   {where}   {_SIDES[planned.side]}   {name}"

    def _line(self) -> str:
        return f"{self._status:<18} {self._value:<14} {self._cutoff()}"

    def _cutoff(self) -> str:
        if self._planned is None:
            return ""
        ramp = self._planned.ramp
        if isinstance(ramp, PressureRamp):
            return f"cut-off {format_value(ramp.cutoff_kpa, 'kgf/cm2', decimals=1)}"
        return f"cut-off {ramp.cutoff_c:g} °C"

    def _sparkline(self) -> str:
        """The whole trace of the state, squeezed into the width."""
        trace = self._trace
        if not trace:
            return " "
        width = min(len(trace), _TRACE_WIDTH)
        shown = [trace[(index + 1) * len(trace) // width - 1] for index in range(width)]
        low, high = min(shown), max(shown)
        span = (high - low) or 1.0
        return "".join(_BARS[int((value - low) / span * (len(_BARS) - 1))] for value in shown)


def mean_text(score: Score) -> str:
    """A mean in its display unit; empty when there is none."""
    return "" if score.mean_display is None else format_display(score.mean_display, score.display_unit)


def summary_line(score: Score, width: int) -> str:
    """A summary value with unit and the number of trials behind it; the label takes ``width`` columns."""
    value = mean_text(score) or "no value"
    count = f"mean of {score.n_valid}" if score.n_valid == score.n_planned else f"{score.n_valid} of {score.n_planned}"
    censored = f", {score.n_censored} censored and left out" if score.n_censored else ""
    return f"{score.label:<{width}}  {value:>12}   ({count}{censored})"


def print_result(console: Console, result: VisitResult, path: Path) -> None:
    """The summary values, how the visit ended, and where its log is; a lost screen changes nothing."""
    try:
        _print_result(console, result, path)
    except OSError:
        console.quiet = True  # the screen, pipe or disk is gone; the log says it all


def _print_result(console: Console, result: VisitResult, path: Path) -> None:
    console.print()
    width = max((len(score.label) for score in result.summary), default=0)
    for score in result.summary:
        console.print(summary_line(score, width), highlight=False, markup=False)
    ending = result.outcome.value + (f": {result.reason}" if result.reason else "")
    console.print(f"\nvisit {ending}", highlight=False, markup=False)
    console.print(f"log   {path}", highlight=False, markup=False)
    if result.outcome in (VisitOutcome.INTERRUPTED, VisitOutcome.FAILED):
        console.print(f"      go on with: qst resume {path}", highlight=False, markup=False)


def json_result(result: VisitResult, path: Path, *, simulated: bool) -> str:
    """The result as one JSON object."""
    summary = {
        score.id: {
            "label": score.label,
            "mean": score.mean_display,
            "unit": score.display_unit,
            "n_valid": score.n_valid,
            "n_planned": score.n_planned,
            "n_censored": score.n_censored,
        }
        for score in result.summary
    }
    answer = {"log": str(path), "outcome": result.outcome.value, "simulated": simulated, "summary": summary}
    return msgspec.json.encode(answer).decode("utf-8")
