from collections.abc import Mapping
from importlib.metadata import EntryPoint, EntryPoints
from typing import Any

import msgspec
import pytest

from qst.clock import VirtualClock
from qst.errors import InputError
from qst_simulators import bench as bench_module
from qst_simulators.bench import Bench, find_simulator
from qst_simulators.profile import Profile, load_profile
from qst_simulators.surroundings import SimulatorClass, Surroundings
from qst_simulators.world import World
from tests.participant.ideal import StraightLine

PROFILE = load_profile("fibromyalgia")
STEADY = msgspec.structs.replace(
    PROFILE, lapses=msgspec.structs.replace(PROFILE.lapses, late=0.0, none=0.0, anticipatory=0.0, accidental=0.0)
)


class FakeThermode:
    TITLE = "fake"

    def __init__(self, world: World, settings: Mapping[str, Any], surroundings: Surroundings) -> None:
        if "colour" in settings:
            raise ValueError("unknown setting 'colour'")
        self.surface = StraightLine(world, 32.0)
        surroundings.button.listeners.append(lambda pressed: self.surface.jump(32.0) if pressed else None)


class FakeGauge:
    TITLE = "fake"

    def __init__(self, world: World, settings: Mapping[str, Any], surroundings: Surroundings) -> None:
        self._world = world
        self.force = surroundings.force

    def read_maximum(self) -> str:
        return f"{self.force.max_force_n(0.0, self._world.now_s) / 4.4482216152605:.1f}"


def station(clock: VirtualClock, *, seed: int = 1, profile: Profile = STEADY, **options: Any) -> Bench:
    devices: dict[str, tuple[str | SimulatorClass, Mapping[str, Any]]] = {
        "thermode": (FakeThermode, {}),
        "algometer": (FakeGauge, {}),
    }
    return Bench(clock, seed=seed, profile=profile, devices=devices, **options)


def place_gauge(bench: Bench, key: str = "1/1") -> None:
    bench.hands.place(role="algometer", modality="pressure", site_code="TRP", side="L", exposure=1, key=key)


def press_until_answered(bench: Bench, clock: VirtualClock) -> float:
    """Press at 1 kgf/cm²/s, release when the button goes down. Returns when that was seen."""
    bench.hands.press(rate_kpa_per_s=98.0665)
    while not bench.button.pressed():
        clock.sleep(0.01)
    bench.hands.release()
    return clock.monotonic()


def test_a_heat_trial_from_placement_to_press() -> None:
    clock = VirtualClock()
    bench = station(clock)
    bench.hands.place(role="thermode", modality="heat", site_code="THENAR", side="R", exposure=1, key="1/1")
    clock.sleep(3.0)
    assert bench.button.edges() == ()
    bench.device("thermode").surface.run(0.3)
    clock.sleep(100.0)
    down, up = bench.button.edges()
    assert (down.pressed, up.pressed) == (True, False)
    (truth,) = bench.truth
    assert down.time_s == truth.press_s
    assert truth.value_at_press == pytest.approx(truth.threshold + 0.3 * truth.reaction_time_s)
    assert bench.button.edges() == ()
    assert bench.button.pressed() is False


def test_a_pressure_trial_from_placement_to_reading_the_display() -> None:
    clock = VirtualClock()
    bench = station(clock)
    place_gauge(bench)
    press_until_answered(bench, clock)
    clock.sleep(2.0)
    bench.hands.lift()
    (truth,) = bench.truth
    assert truth.value_at_press is not None
    assert float(bench.hands.read_display()) * 44.482 > truth.value_at_press - 2.3
    assert bench.surroundings.force.force_n(clock.monotonic()) == 0.0


def test_tip_area_reaches_hand_and_participant() -> None:
    forces = []
    for area_cm2 in (1.0, 0.5):
        clock = VirtualClock()
        bench = station(clock, tip_area_cm2=area_cm2)
        place_gauge(bench)
        press_until_answered(bench, clock)
        (truth,) = bench.truth
        assert truth.press_s is not None
        force_n = bench.surroundings.force.force_n(truth.press_s)
        assert truth.value_at_press == pytest.approx(10.0 * force_n / area_cm2)
        forces.append(force_n)
    assert forces[0] / forces[1] == pytest.approx(2.0, rel=0.2)


def test_lifting_releases_a_gauge_that_is_still_pushed() -> None:
    clock = VirtualClock()
    bench = station(clock)
    place_gauge(bench)
    bench.hands.press(rate_kpa_per_s=98.0665)
    clock.sleep(0.2)
    bench.hands.lift()
    clock.sleep(5.0)
    assert bench.button.edges() == ()
    assert bench.surroundings.force.force_n(clock.monotonic()) == 0.0


def test_a_gauge_must_be_placed_before_it_is_pressed() -> None:
    clock = VirtualClock()
    bench = station(clock)
    with pytest.raises(RuntimeError, match="placed"):
        bench.hands.press(rate_kpa_per_s=98.0665)
    bench.hands.place(role="thermode", modality="heat", site_code="THENAR", side="R", exposure=1, key="1/1")
    with pytest.raises(RuntimeError, match="placed"):
        bench.hands.press(rate_kpa_per_s=98.0665)
    place_gauge(bench)
    bench.hands.lift()
    with pytest.raises(RuntimeError, match="placed"):
        bench.hands.press(rate_kpa_per_s=98.0665)


def test_an_instrument_applies_its_own_modality() -> None:
    bench = station(VirtualClock())
    for role, modality in (("algometer", "heat"), ("thermode", "pressure")):
        with pytest.raises(ValueError, match="does not apply"):
            bench.hands.place(role=role, modality=modality, site_code="TRP", side="L", exposure=1, key="1")


def test_the_push_on_the_table_is_felt_by_nobody() -> None:
    clock = VirtualClock()
    bench = station(clock)
    place_gauge(bench)
    bench.hands.press_on_table()
    clock.sleep(1.0)
    assert bench.surroundings.force.force_n(clock.monotonic()) == pytest.approx(5.0)
    clock.sleep(5.0)
    assert bench.surroundings.force.force_n(clock.monotonic()) == 0.0
    assert bench.button.edges() == ()


def test_delays_are_drawn_by_kind_and_key() -> None:
    hands = station(VirtualClock()).hands
    places = [hands.delay_s("place", str(n)) for n in range(200)]
    assert sorted(places)[100] == pytest.approx(4.0, rel=0.1)
    assert hands.delay_s("place", "7") == places[7]
    assert hands.delay_s("judge", "7") != places[7]
    assert 0.5 < hands.delay_s("whatever", "7") < 8.0
    assert station(VirtualClock(), seed=2).hands.delay_s("place", "7") != places[7]


def test_typing_errors_leave_the_decimal_point_out() -> None:
    clumsy = msgspec.structs.replace(STEADY, operator=msgspec.structs.replace(STEADY.operator, typing_error=0.5))
    typed = []
    for key in range(20):
        bench = station(VirtualClock(), profile=clumsy)
        place_gauge(bench, key=str(key))
        typed.append(bench.hands.read_display())
    assert set(typed) == {"0.0", "00"}
    assert station(VirtualClock()).hands.read_display() == "0.0"


def test_a_resumed_visit_lives_through_the_same_trial() -> None:
    def trial(bench: Bench, clock: VirtualClock, key: str) -> tuple[float, float]:
        began_s = clock.monotonic()
        place_gauge(bench, key)
        press_until_answered(bench, clock)
        truth = bench.truth[-1]
        assert truth.press_s is not None
        assert truth.value_at_press is not None
        clock.sleep(5.0)
        bench.hands.lift()
        return truth.press_s - began_s, truth.value_at_press

    clock, later = VirtualClock(), VirtualClock()
    whole, resumed = station(clock), station(later)
    trial(whole, clock, "1/1")
    clock.sleep(2.0)
    assert trial(whole, clock, "2/1") == pytest.approx(trial(resumed, later, "2/1"), abs=1e-6)


def test_equal_seeds_equal_worlds() -> None:
    def history(seed: int) -> list[tuple[float, bool]]:
        clock = VirtualClock()
        bench = station(clock, seed=seed, profile=PROFILE)
        for key in range(5):
            place_gauge(bench, str(key))
            bench.hands.press(rate_kpa_per_s=98.0665)
            clock.sleep(4.0)
            bench.hands.lift()
            clock.sleep(2.0)
        return list(bench.button.edges())

    assert history(3) == history(3) != history(4)


def test_a_participant_who_withdrew_shows_in_the_hands() -> None:
    clock = VirtualClock()
    bench = station(clock, withdraws_after=1)
    place_gauge(bench, "1")
    before = bench.hands.withdrew
    place_gauge(bench, "2")
    assert (before, bench.hands.withdrew) == (False, True)


def test_peak_reading_lowers_the_latent_threshold() -> None:
    thresholds = []
    for reading in ("at_response", "peak"):
        bench = station(VirtualClock(), reading=reading)
        place_gauge(bench)
        thresholds.append(bench.truth[0].threshold)
    assert thresholds[1] < thresholds[0]


def test_the_button_brings_the_world_up_to_the_clock() -> None:
    clock = VirtualClock()
    bench = station(clock)
    clock.sleep(2.0)
    bench.button.pressed()
    assert bench.world.now_s == 2.0
    clock.sleep(1.0)
    bench.button.edges()
    assert bench.world.now_s == 3.0


def test_refused_settings_name_the_role() -> None:
    with pytest.raises(InputError, match="thermode refuses its settings: unknown setting 'colour'"):
        Bench(VirtualClock(), seed=1, profile=STEADY, devices={"thermode": (FakeThermode, {"colour": "red"})})


def test_simulators_are_found_by_their_entry_points(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = EntryPoints([EntryPoint("fake", f"{__name__}:FakeThermode", bench_module.GROUP)])
    monkeypatch.setattr(bench_module, "entry_points", lambda group: installed)
    assert find_simulator("fake").TITLE == "fake"
    bench = Bench(VirtualClock(), seed=1, profile=STEADY, devices={"thermode": ("fake", {})})
    assert bench.device("thermode").surface.temperature_c(0.0) == 32.0
    with pytest.raises(InputError, match="no simulator is called 'other'") as caught:
        find_simulator("other")
    assert "fake" in caught.value.remedy
    with pytest.raises(KeyError):
        bench.device("algometer")
