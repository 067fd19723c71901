"""Testing a station's instruments from the start screen, in a process of their own: nobody is stimulated."""

import asyncio
from collections.abc import Callable

from qst.console import messages
from qst.console.engine_client import EngineClient
from qst.console.messages import Event
from qst.rigs.probing import ProbeRow


class Probes:
    """The last test of a station.

    Args:
        changed: called when there is news.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._engine: EngineClient | None = None
        self.station = ""
        self.rows: tuple[ProbeRow, ...] = ()
        self.problem = ""

    @property
    def running(self) -> bool:
        """Whether a test is under way."""
        return self._engine is not None

    def start(self, station: str) -> None:
        """Test this station; one at a time."""
        if self._engine is None:
            self.station, self.rows, self.problem = station, (), ""
            self._engine = EngineClient(asyncio.get_running_loop(), self._heard, self._over)
            self._engine.send(messages.Probe(station=station))
            self._changed()

    def forget(self) -> None:
        """The result is of another station, or too old."""
        if self._engine is None:
            self.station, self.rows, self.problem = "", (), ""

    def close(self) -> bool:
        """The console goes: the instruments are closed. Returns whether the process has ended."""
        if self._engine is None:
            return True
        self._engine.hang_up()
        return self._engine.wait()

    def _heard(self, event: Event) -> None:
        match event:
            case messages.Probed(rows=rows):
                self.rows = rows
            case messages.Refused():
                self.problem = f"{event.code}: {event.what}. {event.remedy}"
        self._changed()

    def _over(self, code: int) -> None:
        self._engine = None
        if code != 0 and not self.problem:
            self.problem = "the test has ended unexpectedly"
        self._changed()
