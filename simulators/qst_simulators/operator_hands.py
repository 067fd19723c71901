"""What a simulated operator does with the hands: place, press, release, read the display. It decides nothing."""

from collections.abc import Callable
from typing import Any, Final

from qst_simulators.hand import Hand
from qst_simulators.participant import Participant, Placement
from qst_simulators.profile import OperatorProfile
from qst_simulators.world import World

_NEWTON_PER_KPA_CM2: Final = 0.1
_TABLE_PUSH_N: Final = 5.0
_TABLE_PUSH_S: Final = 2.0


class OperatorHands:
    """The hands of the automatic operator. Every act first lets the world come up to the visit's clock.

    Args:
        world: time and chance.
        now_s: the visit's clock.
        profile: how long the operator takes, and how often a value is mistyped.
        hand: the hand on the gauge.
        participant: on whom instruments are placed.
        device: gives the simulated device of a role (``thermode``, ``algometer``).
        tip_area_cm2: area of the gauge's tip.
        visit: number of the visit; a name in the streams of chance.
    """

    def __init__(
        self,
        world: World,
        now_s: Callable[[], float],
        *,
        profile: OperatorProfile,
        hand: Hand,
        participant: Participant,
        device: Callable[[str], Any],
        tip_area_cm2: float,
        visit: int,
    ) -> None:
        self._world = world
        self._now_s = now_s
        self._profile = profile
        self._hand = hand
        self._participant = participant
        self._device = device
        self._tip_area_cm2 = tip_area_cm2
        self._visit = visit
        self._place: Placement | None = None
        self._readings = 0
        self._stored: int | None = None  # repetitions on the console before the press

    @property
    def withdrew(self) -> bool:
        """Whether the participant has said that they want no more."""
        return self._participant.withdrew

    def delay_s(self, kind: str, key: str) -> float:
        """How long (s) the operator takes for ``kind`` in the trial ``key``: the same whenever it is asked."""
        delays = self._profile.delays_s
        chance = self._world.random("operator", self._visit, kind, key)
        return delays.get(kind, delays["other"]).at(chance.gauss(0.0, 1.0))

    def place(self, *, role: str, modality: str, site_code: str, side: str, exposure: int, key: str) -> None:
        """Place the instrument of ``role`` on the skin. The other arguments are those of :class:`Placement`.

        Raises:
            ValueError: the modality is not one of this role.
        """
        if (role == "algometer") != (modality == "pressure"):
            raise ValueError(f"a {role} does not apply {modality}")
        self._catch_up()
        self._place = Placement(modality=modality, site_code=site_code, side=side, exposure=exposure, key=key)
        self._readings = 0
        if role == "algometer":
            self._participant.feel_force(
                self._hand, site_code=site_code, side=side, exposure=exposure, key=key, tip_area_cm2=self._tip_area_cm2
            )
        else:
            self._participant.feel_plate(
                self._device(role).surface,
                modality=modality,
                site_code=site_code,
                side=side,
                exposure=exposure,
                key=key,
            )

    def press(self, *, rate_kpa_per_s: float) -> None:
        """Push the placed gauge, aiming at ``rate_kpa_per_s``.

        Raises:
            RuntimeError: no gauge was placed.
        """
        if self._place is None or self._place.modality != "pressure":
            raise RuntimeError("a gauge must be placed before it is pressed")
        self._catch_up()
        rate_n_per_s = rate_kpa_per_s * self._tip_area_cm2 * _NEWTON_PER_KPA_CM2
        place = self._place
        self._stored = self._repetitions()
        self._hand.press(
            target_rate_n_per_s=rate_n_per_s,
            site_code=place.site_code + place.side,
            key=f"{self._visit}/{place.key}",
        )

    def release(self) -> None:
        """Told to release the gauge; the hand does so after its own delay."""
        self._catch_up()
        self._hand.release()

    def lift(self) -> None:
        """Take the instrument off the skin. A gauge that is still pushed is released first."""
        self._catch_up()
        self._hand.release()
        self._participant.lift()
        self._place = None

    def press_on_table(self) -> None:
        """Push the gauge gently on the table, 5 N for 2 s, with nobody under it: shows which sign a push has."""
        self._catch_up()
        self._participant.lift()
        self._place = None
        self._hand.push_gently(force_n=_TABLE_PUSH_N, duration_s=_TABLE_PUSH_S)

    def read_display(self) -> str:
        """What the operator types after reading the last maximum off the gauge's display.

        Empty while the gauge shows none of this press: an operator counts the repetitions. Now and then, by the
        profile, the decimal point is left out.
        """
        self._catch_up()
        shown = str(self._device("algometer").read_maximum())
        if self._stored is not None and self._repetitions() == self._stored:
            shown = ""
        self._readings += 1
        key = self._place.key if self._place is not None else ""
        chance = self._world.random("operator", self._visit, "typing", key, self._readings)
        return shown.replace(".", "") if chance.random() < self._profile.typing_error else shown

    def _repetitions(self) -> int | None:
        """How many repetitions the console has taken; None for a gauge that does not count."""
        stored: int | None = getattr(self._device("algometer"), "stored", None)
        return stored

    def _catch_up(self) -> None:
        self._world.advance(self._now_s())
