"""When a plate counts as steady at its start."""

from qst.protocol.plan import Settle
from qst.visit.states import TrialState


class Settling:
    """Fed every reading before the ramp.

    Args:
        settle: how near, and for how long; None: a plate that was read once is steady.

    Attributes:
        state: ``adapt``, ``settle`` or ``ready``.
        steady_s: host time at which it became ready.
    """

    def __init__(self, settle: Settle | None) -> None:
        self._settle = settle
        self._since_s: float | None = None
        self.state = TrialState.ADAPT
        self.steady_s: float | None = None

    def see(self, time_s: float, off_c: float) -> None:
        """A reading ``off_c`` from the start, °C."""
        settle = self._settle
        if settle is None:
            self.state = TrialState.READY
        # Readings sit on a grid: a value exactly on the band's edge is inside.
        elif off_c > settle.within_c + 1e-9:
            self._since_s, self.state = None, TrialState.ADAPT
        elif self._since_s is None:
            self._since_s, self.state = time_s, TrialState.SETTLE
        elif self.state is TrialState.SETTLE and time_s - self._since_s >= settle.for_s:
            self.steady_s, self.state = time_s, TrialState.READY
