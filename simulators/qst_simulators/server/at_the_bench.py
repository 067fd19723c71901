"""Hands and button of a served bench, for a visit that runs in another thread of the same process."""

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from qst_simulators.bench import BenchButton, Edge
from qst_simulators.operator_hands import OperatorHands


class LockedHands:
    """The operator's hands (:class:`qst_simulators.operator_hands.OperatorHands`), one act at a time.

    Args:
        hands: whose hands they are now.
        at_the_bench: held during an act.
    """

    def __init__(
        self, hands: Callable[[], OperatorHands], at_the_bench: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self._hands = hands
        self._at_the_bench = at_the_bench

    @property
    def withdrew(self) -> bool:
        """Whether the participant has had enough."""
        with self._at_the_bench():
            return self._hands().withdrew

    def delay_s(self, kind: str, key: str) -> float:
        """How long (s) the operator takes."""
        with self._at_the_bench():
            return self._hands().delay_s(kind, key)

    def place(self, *, role: str, modality: str, site_code: str, side: str, exposure: int, key: str) -> None:
        """Place the instrument of ``role`` on the skin."""
        with self._at_the_bench():
            self._hands().place(
                role=role, modality=modality, site_code=site_code, side=side, exposure=exposure, key=key
            )

    def press(self, *, rate_kpa_per_s: float) -> None:
        """Push the placed gauge."""
        with self._at_the_bench():
            self._hands().press(rate_kpa_per_s=rate_kpa_per_s)

    def press_on_table(self) -> None:
        """Push the gauge gently on the table."""
        with self._at_the_bench():
            self._hands().press_on_table()

    def release(self) -> None:
        """Let go, after the hand's own delay."""
        with self._at_the_bench():
            self._hands().release()

    def lift(self) -> None:
        """Take the instrument off the skin."""
        with self._at_the_bench():
            self._hands().lift()

    def read_display(self) -> str:
        """What the gauge's display shows."""
        with self._at_the_bench():
            return self._hands().read_display()


class LockedButton:
    """The participant's button as the host sees it.

    Args:
        button: the bench's button.
        lock: held during a look.
    """

    def __init__(self, button: BenchButton, lock: threading.RLock) -> None:
        self._button = button
        self._lock = lock

    def edges(self) -> Sequence[Edge]:
        """Edges since the last call, oldest first."""
        with self._lock:
            return self._button.edges()

    def pressed(self) -> bool:
        """Whether it is down now."""
        with self._lock:
            return self._button.pressed()
