import math
import statistics
from typing import Any

import msgspec
import pytest

from qst.units import KPA_PER_KGF_CM2
from qst_simulators.hand import Hand
from qst_simulators.participant import Experience, Lapse, Participant, Placement
from qst_simulators.profile import SIGNAL_DELAY_S, Profile, Reading, load_profile
from qst_simulators.surroundings import ButtonLine
from qst_simulators.world import World
from tests.participant.ideal import StraightLine

FIBROMYALGIA = load_profile("fibromyalgia")
HEALTHY = load_profile("healthy")
SITES = [(code, side) for code in FIBROMYALGIA.modalities.pressure.site_multipliers for side in "LR"]
KGF_S = KPA_PER_KGF_CM2


def with_lapses(profile: Profile, **rates: float) -> Profile:
    none = {"late": 0.0, "none": 0.0, "anticipatory": 0.0, "accidental": 0.0}
    return msgspec.structs.replace(profile, lapses=msgspec.structs.replace(profile.lapses, **(none | rates)))


STEADY = with_lapses(FIBROMYALGIA)


class Room:
    """One person, one plate."""

    def __init__(self, seed: int = 1, profile: Profile = STEADY, *, start: float = 32.0, **options: Any) -> None:
        self.world = World(seed)
        self.button = ButtonLine(self.world)
        self.plate = StraightLine(self.world, start)
        self.person = Participant(self.world, profile, self.button, **options)

    def place(self, key: str = "1/1", exposure: int = 1, modality: str = "heat") -> None:
        self.person.feel_plate(self.plate, modality=modality, site_code="THENAR", side="R", exposure=exposure, key=key)

    def ramp(self, rate: float, *, seconds: float = 60.0, **place: Any) -> Experience:
        self.place(**place)
        self.world.advance(self.world.now_s + 5.0)
        self.plate.run(rate)
        self.world.advance(self.world.now_s + seconds)
        return self.person.experiences[-1]


def test_presses_a_reaction_time_after_the_threshold_and_lets_go() -> None:
    room = Room()
    truth = room.ramp(0.3)
    assert truth.perceived_s == pytest.approx(5.0 + (truth.threshold - 32.0) / 0.3)
    assert truth.press_s is not None
    assert truth.perceived_s is not None
    assert truth.press_s - truth.perceived_s == pytest.approx(truth.reaction_time_s)
    assert truth.value_at_press == pytest.approx(truth.threshold + 0.3 * truth.reaction_time_s)
    (down, pressed), (up, still) = room.button.history
    assert (down, pressed, still) == (truth.press_s, True, False)
    assert 0.05 < up - down < 2.0


def test_reaction_times_have_the_profiles_distribution() -> None:
    room = Room()
    times = [
        room.person._draw(Placement(modality="heat", site_code="T", side="R", exposure=1, key=str(n)))
        for n in range(2000)
    ]
    logs = [math.log(trial.reaction_time_s) for trial in times]
    assert statistics.fmean(logs) == pytest.approx(math.log(0.8), abs=0.02)
    assert statistics.stdev(logs) == pytest.approx(0.25, abs=0.015)


def test_the_press_is_seen_at_its_value_before_a_device_reacts() -> None:
    room = Room()
    room.button.listeners.append(lambda pressed: room.plate.jump(32.0) if pressed else None)
    truth = room.ramp(0.3)
    assert truth.value_at_press == pytest.approx(truth.threshold + 0.3 * truth.reaction_time_s)
    assert len(truth.presses) == 1


def test_a_plate_that_stays_does_not_hurt() -> None:
    room = Room()
    assert room.ramp(0.0, seconds=600.0).presses == []


def test_a_plate_that_turns_back_in_time_does_not_hurt() -> None:
    room = Room()
    room.place()
    room.plate.run(0.3)
    room.world.advance(2.0)
    room.plate.run(-0.3)
    room.world.advance(60.0)
    assert room.person.experiences[-1].perceived_s is None


def test_pain_already_felt_is_answered_although_the_plate_turns_back() -> None:
    room = Room()
    room.place()
    room.plate.jump(52.0)
    room.plate.run(-8.0)
    room.world.advance(60.0)
    assert len(room.person.experiences[-1].presses) == 1


def test_pain_at_baseline_is_answered_while_adapting() -> None:
    room = Room(start=10.0)
    room.place(modality="cold")
    room.world.advance(30.0)
    truth = room.person.experiences[-1]
    assert truth.perceived_s == 0.0
    assert truth.press_s == pytest.approx(truth.reaction_time_s)


def test_lifting_ends_the_pain_and_a_press_under_way() -> None:
    room = Room()
    room.place()
    room.plate.jump(55.0)
    room.person.lift()
    room.world.advance(10.0)
    assert room.button.history == []
    assert room.plate.on_change == []


def test_lifting_does_not_leave_the_button_down() -> None:
    room = Room()
    room.button.listeners.append(lambda pressed: room.person.lift() if pressed else None)
    room.place()
    room.plate.jump(55.0)
    room.world.advance(10.0)
    assert [pressed for _, pressed in room.button.history] == [True, False]


def test_same_key_same_trial_whatever_came_before() -> None:
    whole = Room(7)
    alone = Room(7)
    for index in range(1, 4):
        whole.ramp(0.3, key=f"{index}/1", exposure=index)
        whole.plate.jump(32.0)
    resumed = alone.ramp(0.3, key="3/1", exposure=3)
    original = whole.person.experiences[-1]
    assert (resumed.threshold, resumed.reaction_time_s) == (original.threshold, original.reaction_time_s)
    assert resumed.value_at_press == pytest.approx(original.value_at_press, abs=1e-9)


def test_seed_visit_key_and_site_each_change_the_threshold() -> None:
    def threshold(seed: int = 1, visit: int = 1, key: str = "1", site: str = "TRP", side: str = "L") -> float:
        place = Placement(modality="pressure", site_code=site, side=side, exposure=1, key=key)
        return Room(seed, visit=visit).person.latent_threshold(place)

    values = [
        threshold(),
        threshold(seed=2),
        threshold(visit=2),
        threshold(key="2"),
        threshold(site="LEP"),
        threshold(side="R"),
    ]
    assert len(set(values)) == len(values)
    assert threshold() == threshold()


@pytest.mark.parametrize(("profile", "modality"), [(FIBROMYALGIA, "heat"), (FIBROMYALGIA, "cold"), (HEALTHY, "cold")])
def test_habituation_and_first_trial_bias(profile: Profile, modality: str) -> None:
    room = Room(profile=profile)
    numbers = profile.modality(modality)

    def threshold(exposure: int) -> float:
        place = Placement(modality=modality, site_code="T", side="R", exposure=exposure, key="same")
        return room.person.latent_threshold(place)

    step = numbers.change_per_exposure
    assert threshold(3) - threshold(2) == pytest.approx(step)
    assert threshold(99) - threshold(2) == pytest.approx(step * (numbers.exposures_until_stable - 1))
    without_bias = threshold(2) - step
    scale = abs(threshold(1) - without_bias)
    assert (scale > 0) == (numbers.first_trial_bias != 0)


def test_sensitisation_and_habituation_have_the_published_directions() -> None:
    assert FIBROMYALGIA.modalities.cold.change_per_exposure > 0 > HEALTHY.modalities.cold.change_per_exposure
    assert HEALTHY.modalities.heat.change_per_exposure > FIBROMYALGIA.modalities.heat.change_per_exposure > 0


def test_a_late_response_is_late() -> None:
    often = with_lapses(FIBROMYALGIA, late=0.3)
    for key in "abcdefghijkl":
        ordinary, maybe_late = Room().ramp(0.3, key=key), Room(profile=often).ramp(0.3, key=key)
        factor = 3.0 if maybe_late.lapse is Lapse.LATE else 1.0
        assert maybe_late.reaction_time_s == pytest.approx(factor * ordinary.reaction_time_s)
    assert Lapse.LATE in {Room(profile=often).ramp(0.3, key=key).lapse for key in "abcdefghijkl"}


def test_no_response_is_pain_without_a_press() -> None:
    truth = Room(profile=with_lapses(FIBROMYALGIA, none=1.0)).ramp(0.3)
    assert truth.lapse is Lapse.NONE
    assert truth.perceived_s is not None
    assert truth.presses == []


def test_an_anticipatory_press_comes_before_the_threshold() -> None:
    early = 0
    for seed in range(20):
        truth = Room(seed, with_lapses(FIBROMYALGIA, anticipatory=1.0)).ramp(0.3, seconds=200.0)
        assert truth.lapse is Lapse.ANTICIPATORY
        assert truth.perceived_s is not None
        early += 5.0 + (truth.threshold - 32.0) / 0.3 > truth.perceived_s
    assert early == 20


def test_an_accidental_press_does_not_replace_the_response() -> None:
    room = Room(profile=with_lapses(FIBROMYALGIA, accidental=1.0))
    truth = room.ramp(0.3, seconds=200.0)
    assert truth.lapse is Lapse.ACCIDENTAL
    assert len(truth.presses) == 2
    assert [pressed for _, pressed in room.button.history] == [True, False, True, False]


def test_a_second_press_needs_the_finger_up_first() -> None:
    room = Room()
    room.place()
    room.world.at(1.0, room.person._press)
    room.world.at(1.05, room.person._press)
    room.world.advance(10.0)
    times = [time for time, _ in room.button.history]
    assert [pressed for _, pressed in room.button.history] == [True, False, True, False]
    assert times[2] - times[1] == pytest.approx(0.1)
    assert times[3] - times[2] > 0.1


def test_lapses_come_at_their_rates() -> None:
    room = Room(profile=FIBROMYALGIA)
    place = [Placement(modality="heat", site_code="T", side="R", exposure=1, key=str(n)) for n in range(5000)]
    lapses = [room.person._draw(each).lapse for each in place]
    for lapse, rate in (
        (Lapse.LATE, 0.012),
        (Lapse.NONE, 0.003),
        (Lapse.ANTICIPATORY, 0.015),
        (Lapse.ACCIDENTAL, 0.005),
    ):
        assert abs(lapses.count(lapse) / 5000 - rate) < 3 * math.sqrt(rate / 5000)


def test_a_participant_who_has_enough_answers_no_more() -> None:
    room = Room(withdraws_after=2)
    withdrew = []
    for index in range(1, 4):
        room.plate.jump(32.0)
        room.ramp(0.3, key=str(index))
        withdrew.append(room.person.withdrew)
    assert withdrew == [False, False, True]
    assert len(room.button.history) == 4
    assert len(room.person.experiences) == 2


def test_tip_area_turns_force_into_pressure() -> None:
    for area_cm2 in (0.5, 1.0):
        room = Room(start=0.0)
        room.person.feel_force(room.plate, site_code="TRP", side="L", exposure=1, key="1", tip_area_cm2=area_cm2)
        room.plate.run(5.0)
        room.world.advance(60.0)
        truth = room.person.experiences[-1]
        assert truth.perceived_s == pytest.approx(truth.threshold * area_cm2 / 10.0 / 5.0)
        assert truth.value_at_press == pytest.approx(truth.threshold + 50.0 / area_cm2 * truth.reaction_time_s)


def test_exposures_are_counted_from_one() -> None:
    with pytest.raises(ValueError, match="from 1"):
        Room().place(exposure=0)
    with pytest.raises(ValueError, match="vibration"):
        Placement(modality="vibration", site_code="T", side="L", exposure=1, key="1")


def within_two_standard_errors(values: list[float], mean: float) -> None:
    error = statistics.stdev(values) / math.sqrt(len(values))
    assert abs(statistics.fmean(values) - mean) < 2 * error, (statistics.fmean(values), mean, error)


def thermal_mean(seed: int, profile: Profile, modality: str, start: float, rate: float) -> float | None:
    room = Room(seed, profile, start=start)
    values = []
    for exposure in range(1, 4):
        room.plate.jump(start)
        truth = room.ramp(rate, modality=modality, key=f"{modality}{exposure}", exposure=exposure, seconds=70.0)
        began_s = room.world.now_s - 70.0
        if truth.press_s is not None and truth.press_s > began_s and truth.value_at_press is not None:
            values.append(truth.value_at_press)
    return statistics.fmean(values) if values else None


@pytest.mark.parametrize(("modality", "start", "rate", "mean"), [("heat", 32.0, 0.3, 37.9), ("cold", 20.0, -0.3, 17.7)])
def test_thermal_group_means_are_the_anchors(modality: str, start: float, rate: float, mean: float) -> None:
    means = [thermal_mean(seed, FIBROMYALGIA, modality, start, rate) for seed in range(200)]
    within_two_standard_errors([value for value in means if value is not None], mean)
    assert means.count(None) <= 4


def pressure_mean(seed: int, profile: Profile, reading: Reading) -> float:
    """Mean of the 18 points in kgf/cm², through the simulated hand."""
    world = World(seed)
    button = ButtonLine(world)
    hand = Hand(world, profile.hand)

    def tell(pressed: bool) -> None:
        if pressed:  # the station looks at the button at intervals, and is late by this on average
            world.at(world.now_s + SIGNAL_DELAY_S, hand.release)

    button.listeners.append(tell)
    person = Participant(world, profile, button, pressure_reading=reading)
    values = []
    for code, side in SITES:
        began_s = world.now_s
        person.feel_force(hand, site_code=code, side=side, exposure=1, key=code + side, tip_area_cm2=1.0)
        hand.press(target_rate_n_per_s=KGF_S / 10.0, site_code=code, key=code + side)
        world.advance(began_s + 15.0)
        hand.release()
        world.advance(began_s + 20.0)
        truth = person.experiences[-1]
        if truth.lapse not in (Lapse.NONE, Lapse.ACCIDENTAL) and truth.value_at_press is not None:
            at_response = truth.value_at_press
            values.append(
                at_response if reading is Reading.AT_RESPONSE else 10.0 * hand.max_force_n(began_s, world.now_s)
            )
    return statistics.fmean(values) / KPA_PER_KGF_CM2


@pytest.mark.parametrize("reading", list(Reading))
def test_pressure_group_mean_is_the_anchor_whichever_reading_is_reported(reading: Reading) -> None:
    within_two_standard_errors([pressure_mean(seed, FIBROMYALGIA, reading) for seed in range(200)], 1.02)


def test_most_cold_thresholds_lie_below_the_start_and_heat_rarely_hurts_at_rest() -> None:
    def share_at_baseline(modality: str, start: float, sign: float) -> float:
        count = 0
        for seed in range(500):
            person = Room(seed).person
            for exposure in (1, 2, 3):
                place = Placement(modality=modality, site_code="T", side="L", exposure=exposure, key=str(exposure))
                count += (person.latent_threshold(place) - start) * sign <= 0
        return count / 1500

    assert share_at_baseline("heat", 48.0, -1.0) < 0.01  # beyond a usual cut-off
    assert 0.001 < share_at_baseline("cold", 20.0, -1.0) < 0.05
    assert share_at_baseline("heat", 32.0, 1.0) < 0.01
