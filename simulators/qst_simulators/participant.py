"""A simulated participant: feels a plate or a push, and presses the button when it first hurts.

Everything drawn for a trial comes from a stream named after the trial's key, never from one stream shared by all
trials: a visit that is resumed at trial n gives the same trial n as one that was never interrupted.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import Final, Protocol

from qst_simulators.profile import DIRECTION, ModalityProfile, Profile, Reading
from qst_simulators.surroundings import ButtonLine, ThermalSurface
from qst_simulators.world import Event, World

_FINGER_UP_S: Final = 0.1  # between two presses in a row
_KPA_PER_N_CM2: Final = 10.0


class Lapse(StrEnum):
    """How the button may fail to say what was felt."""

    LATE = "late"
    NONE = "none"
    ANTICIPATORY = "anticipatory"
    ACCIDENTAL = "accidental"


@dataclass(frozen=True, kw_only=True)
class Placement:
    """What is placed where, and for which trial.

    ``modality`` pressure, heat or cold; ``side`` L, R or empty; ``exposure`` 1 for the first stimulus of this modality
    at this site and side in the visit, 2 for the next; ``key`` names the trial and thereby its stream of chance.

    Raises:
        ValueError: unknown modality, or an exposure below 1.
    """

    modality: str
    site_code: str
    side: str
    exposure: int
    key: str

    def __post_init__(self) -> None:
        if self.modality not in DIRECTION:
            raise ValueError(f"unknown modality: {self.modality}")
        if self.exposure < 1:
            raise ValueError(f"exposures are counted from 1, not {self.exposure}")


@dataclass
class Experience:
    """Ground truth of one trial. Thresholds and values °C or kPa, times s of the world."""

    placement: Placement
    threshold: float  # the latent one of this trial
    reaction_time_s: float
    lapse: Lapse | None = None
    perceived_s: float | None = None
    presses: list[tuple[float, float]] = field(default_factory=list)  # (time, true temperature or pressure then)

    @property
    def press_s(self) -> float | None:
        """Time of the first press."""
        return self.presses[0][0] if self.presses else None

    @property
    def value_at_press(self) -> float | None:
        """True temperature or pressure at the first press."""
        return self.presses[0][1] if self.presses else None


class Push(Protocol):
    """What can be felt of a hand that pushes. Forces N, times s."""

    on_change: list[Callable[[], None]]

    def force_n(self, time_s: float) -> float:
        """True force at ``time_s``."""

    def force_when(self, force_n: float, after_s: float) -> float | None:
        """First time ≥ ``after_s`` at which the path as it stands reaches ``force_n``; None if it never does."""


class _Stimulus(Protocol):
    """A plate or a push, in the modality's own unit."""

    def on_change(self) -> list[Callable[[], None]]: ...
    def value(self, time_s: float) -> float: ...
    def when(self, threshold: float, after_s: float) -> float | None: ...


class _Plate:
    def __init__(self, surface: ThermalSurface, *, rising: bool) -> None:
        self._surface = surface
        self._rising = rising
        self.value = surface.temperature_c

    def on_change(self) -> list[Callable[[], None]]:
        return self._surface.on_change

    def when(self, threshold: float, after_s: float) -> float | None:
        return self._surface.when(threshold, rising=self._rising, after_s=after_s)


class _Tip:
    def __init__(self, push: Push, tip_area_cm2: float) -> None:
        self._push = push
        self._kpa_per_n = _KPA_PER_N_CM2 / tip_area_cm2

    def on_change(self) -> list[Callable[[], None]]:
        return self._push.on_change

    def value(self, time_s: float) -> float:
        return self._push.force_n(time_s) * self._kpa_per_n

    def when(self, threshold: float, after_s: float) -> float | None:
        return self._push.force_when(threshold / self._kpa_per_n, after_s)


class _Trial:
    """What chance decides about one trial. Every draw is made, used or not, so that none moves another."""

    def __init__(self, chance: Random, profile: Profile, numbers: ModalityProfile) -> None:
        gauss = chance.gauss
        self.lapse = _draw_lapse(chance.random(), profile)
        self.scatter_log = numbers.trial_sigma_log * gauss(0.0, 1.0)
        self.scatter = numbers.trial_sd * gauss(0.0, 1.0)
        self.reaction_time_s = numbers.reaction_time_s.at(gauss(0.0, 1.0))
        self.press_duration_s = profile.press_duration_s.at(gauss(0.0, 1.0))
        anticipated = chance.uniform(0.0, profile.lapses.anticipation)
        self.accident_s = chance.expovariate(1.0 / profile.lapses.accidental_mean_s)
        self.anticipated = anticipated if self.lapse is Lapse.ANTICIPATORY else 0.0
        if self.lapse is Lapse.LATE:
            self.reaction_time_s *= profile.lapses.late_factor


def _draw_lapse(chance: float, profile: Profile) -> Lapse | None:
    lapses = profile.lapses
    rates = (
        (Lapse.LATE, lapses.late),
        (Lapse.NONE, lapses.none),
        (Lapse.ANTICIPATORY, lapses.anticipatory),
        (Lapse.ACCIDENTAL, lapses.accidental),
    )
    for lapse, rate in rates:
        if chance < rate:
            return lapse
        chance -= rate
    return None


class Participant:
    """A person with a button in the hand.

    Args:
        world: time and chance; its seed is the person.
        profile: the group the person belongs to.
        button: the button in the hand.
        visit: number of the visit; thresholds drift between visits.
        pressure_reading: which reading of a pressure trial the profile's anchor is the mean of.
        withdraws_after: after so many stimuli the participant has had enough and answers no more.
    """

    def __init__(
        self,
        world: World,
        profile: Profile,
        button: ButtonLine,
        *,
        visit: int = 1,
        pressure_reading: Reading = Reading.AT_RESPONSE,
        withdraws_after: int | None = None,
    ) -> None:
        self._world = world
        self._profile = profile
        self._button = button
        self._visit = visit
        self._withdraws_after = withdraws_after
        self._medians = {modality: profile.median_excursion(modality, pressure_reading) for modality in DIRECTION}
        self._stimulus: _Stimulus | None = None
        self._events: list[Event] = []
        self._crossing: Event | None = None
        self._finger_up: Event | None = None
        self._trial: _Trial | None = None
        self._felt_threshold = 0.0
        self.withdrew = False
        self.experiences: list[Experience] = []

    def feel_plate(
        self, surface: ThermalSurface, *, modality: str, site_code: str, side: str, exposure: int, key: str
    ) -> None:
        """A thermode's plate is placed on the skin; ``modality`` says which pain the participant waits for.

        The arguments are those of :class:`Placement`.
        """
        place = Placement(modality=modality, site_code=site_code, side=side, exposure=exposure, key=key)
        self._feel(_Plate(surface, rising=DIRECTION[modality] > 0), place)

    def feel_force(
        self, force: Push, *, site_code: str, side: str, exposure: int, key: str, tip_area_cm2: float
    ) -> None:
        """A gauge's tip is placed on the skin; ``tip_area_cm2`` turns force into pressure.

        The other arguments are those of :class:`Placement`.
        """
        place = Placement(modality="pressure", site_code=site_code, side=side, exposure=exposure, key=key)
        self._feel(_Tip(force, tip_area_cm2), place)

    def lift(self) -> None:
        """Plate or tip is taken off: what has not been felt yet will not be, and no press is under way any more."""
        if self._stimulus is not None:
            self._stimulus.on_change().remove(self._watch)
        self._stimulus = None
        for event in self._events:
            event.cancel()
        self._events.clear()
        self._crossing = None

    def latent_threshold(self, place: Placement) -> float:
        """True threshold (°C or kPa) of a trial, whatever the participant then does about it."""
        return self._threshold(place, self._draw(place))

    def _draw(self, place: Placement) -> _Trial:
        chance = self._world.random("participant", "trial", self._visit, place.key)
        return _Trial(chance, self._profile, self._profile.modality(place.modality))

    def _feel(self, stimulus: _Stimulus, place: Placement) -> None:
        self.lift()
        if self._withdraws_after is not None and len(self.experiences) >= self._withdraws_after:
            self.withdrew = True
            return
        self._trial = trial = self._draw(place)
        threshold = self._threshold(place, trial)
        origin = self._profile.modality(place.modality).origin
        self._felt_threshold = threshold - (threshold - origin) * trial.anticipated
        self._stimulus = stimulus
        self.experiences.append(Experience(place, threshold, trial.reaction_time_s, trial.lapse))
        stimulus.on_change().append(self._watch)
        if trial.lapse is Lapse.ACCIDENTAL:
            self._later(trial.accident_s, self._press)
        self._watch()

    def _threshold(self, place: Placement, trial: _Trial) -> float:
        modality = place.modality
        numbers = self._profile.modality(modality)
        spread = (
            numbers.person_sigma_log * self._normal("person", modality)
            + numbers.visit_sigma_log * self._normal("visit", self._visit, modality)
            + numbers.person_site_sigma_log * self._normal("site", modality, place.site_code, place.side)
            + trial.scatter_log
        )
        excursion = self._medians[modality] * numbers.multiplier(place.site_code) * math.exp(spread)
        if place.exposure == 1:
            excursion *= 1.0 + numbers.first_trial_bias
        shift = numbers.visit_sd * self._normal("visit shift", self._visit, modality) + trial.scatter
        return numbers.origin + DIRECTION[modality] * excursion + numbers.exposure_change(place.exposure) + shift

    def _normal(self, *name: object) -> float:
        """The standard normal deviate that belongs to ``name``."""
        return self._world.random("participant", *name).gauss(0.0, 1.0)

    def _later(self, delay_s: float, action: Callable[[], None]) -> Event:
        event = self._world.at(self._world.now_s + delay_s, action)
        self._events.append(event)
        return event

    def _watch(self) -> None:
        """Find out when it will hurt, on the path as it stands now."""
        if self._stimulus is None or self.experiences[-1].perceived_s is not None:
            return
        if self._crossing is not None:
            self._crossing.cancel()
        now_s = self._world.now_s
        time_s = self._stimulus.when(self._felt_threshold, now_s)
        self._crossing = None if time_s is None else self._later(time_s - now_s, self._perceive)

    def _perceive(self) -> None:
        experience = self.experiences[-1]
        experience.perceived_s = self._world.now_s
        if experience.lapse is not Lapse.NONE:
            self._later(experience.reaction_time_s, self._press)

    def _press(self) -> None:
        if self._stimulus is None or self._trial is None:
            return
        if self._button.pressed:  # from a press just before: first the finger has to come up
            if self._finger_up is not None:
                self._finger_up.cancel()
            self._button.set(pressed=False)
            self._later(_FINGER_UP_S, self._press)
            return
        now_s = self._world.now_s
        self.experiences[-1].presses.append((now_s, self._stimulus.value(now_s)))
        # Not among the events of the trial: a button that is down comes up again, whatever happens to the trial.
        self._finger_up = self._world.at(now_s + self._trial.press_duration_s, self._release_button)
        self._button.set(pressed=True)

    def _release_button(self) -> None:
        self._button.set(pressed=False)
