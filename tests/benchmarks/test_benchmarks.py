"""The benchmarks import, and their arithmetic is right. Nothing here is timed."""

from pathlib import Path

import pytest

import qst
from benchmarks import group_means, peers, reading, round_trips, visit_speed
from benchmarks.figures import Figure
from benchmarks.visits import STATIONS, run_visit, shipped, without_noise
from qst.instruments import Modality
from qst_simulators.profile import load_profile


def test_a_figure_knows_its_limit() -> None:
    fast = Figure("speed", 6000.0, "x", at_least=5000.0)
    slow = Figure("time", 0.3, "s", at_most=0.15)
    assert fast.met
    assert fast.ratio == pytest.approx(1.2)
    assert not slow.met
    assert slow.ratio == pytest.approx(2.0)
    assert "NOT MET" in slow.line()
    assert "limit ≥ 5,000" in fast.line()
    assert Figure("n", 1.0, "").ratio is None


def test_a_mean_is_as_far_away_as_its_standard_errors_say() -> None:
    found = group_means.spread([1.0, 2.0, 3.0, 4.0])
    assert found.mean == pytest.approx(2.5)
    assert found.standard_error == pytest.approx(0.6454972)
    assert found.away(2.5 - 2 * found.standard_error) == pytest.approx(2.0)


def test_the_peers_answer_is_the_last_line() -> None:
    peer = peers.parse_peer('a warning\n{"queries_per_s": 5, "versions": {"PyMeasure": "1"}}\n')
    assert peer.queries_per_s == 5.0
    assert peers.python_of(Path("here")).parent.parent == Path("here")


def test_every_instrument_can_be_measured() -> None:
    for call in (
        round_trips.medoc()[0].poll,
        round_trips.ramping(*round_trips.medoc()),
        round_trips.ramping(*round_trips.tcs()),
        round_trips.mark10()[0].current_kpa,
        round_trips.streaming(*round_trips.mark10()),
    ):
        call()


@pytest.mark.parametrize("name", STATIONS)
def test_a_visit_without_noise_is_as_exact_as_its_device(name: str, tmp_path: Path) -> None:
    visit = run_visit(without_noise(shipped(name)), 7, load_profile("fibromyalgia"), tmp_path)
    errors = group_means.own_errors(7, visit.result.trials, visit.truth)
    thermal = [abs(own.error) for own in errors if own.modality is not Modality.PRESSURE]
    assert group_means.is_whole(visit)
    assert len(thermal) >= 6
    assert max(thermal) <= group_means.OWN_ERROR_C + group_means.RESOLUTION_C[name]
    assert visit.virtual_s > 600


def test_speeds_are_shown_for_every_visit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    visit_speed.show_visits("tcs", visit_speed.visits("tcs", range(1), tmp_path))
    assert "virtual s / wall s, slowest" in capsys.readouterr().out


def test_logs_to_read_are_made_once_and_all_peers_see_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    size = reading.make_logs(tmp_path / "visits", 3)
    assert reading.make_logs(tmp_path / "visits", 3) == size > 100_000
    reading.show_reading(tmp_path / "visits", 1)
    reading.show_peers(tmp_path / "visits", 1)
    reading.make_rows(tmp_path / "rows", 5000)
    assert len(qst.read(tmp_path / "rows", verify=False).trials) == 5000
    assert "pandas" in capsys.readouterr().out
