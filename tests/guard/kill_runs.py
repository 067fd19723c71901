"""Many moments at which a session or a guard dies: ``python -m tests.guard.kill_runs --moments 200 --driver arroyo-5300``.

Each moment is a visit in a process of its own on a simulated device in another one. Prints one line for what went wrong,
and one for each kind of death; exit code 1 when anything did.
"""

import argparse
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from tests.guard.bench import KINDS, EndedEarlyError, Served, served
from tests.guard.moments import Moment, strike
from tests.guard.waits import wait

#: How often a visit is begun until the blow can fall, and the pause in between, s.
ATTEMPTS, SETTLE_S = 6, 8.0
DEATHS = ("session", "freeze", "guard", "guard-freeze")


def run(driver: str, kind: str, moments: int, *, at_once: int, seed: int = 0) -> list[Moment]:
    """``moments`` blows of one kind, on ``at_once`` benches."""
    shares = [range(first, moments, at_once) for first in range(min(at_once, moments))]
    with ThreadPoolExecutor(len(shares)) as pool:
        done = pool.map(lambda share: list(_on_one_bench(driver, kind, share, seed)), shares)
        return sorted((moment for share in done for moment in share), key=lambda moment: moment.index)


def _on_one_bench(driver: str, kind: str, indices: Sequence[int], seed: int) -> Iterator[Moment]:
    folder = Path(tempfile.mkdtemp(prefix="qst-dead-host-"))
    with served(driver, folder) as bench:
        for index in indices:
            yield _struck(bench, driver, kind, index, folder, seed)


def _struck(bench: Served, driver: str, kind: str, index: int, folder: Path, seed: int) -> Moment:
    """One moment; a visit that ends by itself before the blow, as on a busy computer it may, is begun anew."""
    for attempt in range(ATTEMPTS):
        place = folder / f"{index}-{attempt}"
        place.mkdir()
        try:
            moment = strike(bench, driver, kind, index, place, seed=seed)
        except EndedEarlyError as early:
            sys.stdout.write(f"{driver} {kind} {index}: {early}\n")
            wait(SETTLE_S)
            continue
        if not moment.problems:
            shutil.rmtree(place)
        return moment
    raise RuntimeError(f"no visit got as far as moment {index}")


def summary(moments: Sequence[Moment]) -> str:
    """One line: how many, how fast, how far."""
    back = [moment.back_s for moment in moments]
    bad = sum(bool(moment.problems) for moment in moments)
    share = max(moment.back_s / moment.allowed_s for moment in moments)
    return (
        f"{moments[0].driver} {moments[0].kind}: {len(moments)} moments, {bad} with problems; "
        f"{sum(moment.state == 'ramp' for moment in moments)} while ramping; back after {statistics.median(back):.2f} s "
        f"(median), {max(back):.2f} s (longest), at most {share:.0%} of what is allowed; "
        f"at most {max(moment.beyond_c for moment in moments):+.2f} °C beyond the cut-off"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--driver", choices=sorted(KINDS), required=True)
    parser.add_argument("--kind", choices=DEATHS, action="append")
    parser.add_argument("--moments", type=int, default=200)
    parser.add_argument("--at-once", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="file for one line a moment")
    chosen = parser.parse_args()
    deaths = chosen.kind or [kind for kind in DEATHS if KINDS[chosen.driver].guarded or not kind.startswith("guard")]
    failed = False
    for kind in deaths:
        moments = run(chosen.driver, kind, chosen.moments, at_once=chosen.at_once, seed=chosen.seed)
        for moment in moments:
            if moment.problems:
                failed = True
                sys.stdout.write(f"{moment.index}: {'; '.join(moment.problems)} ({moment})\n")
        sys.stdout.write(summary(moments) + "\n")
        sys.stdout.flush()
        if chosen.json is not None:
            with chosen.json.open("ab") as file:
                file.writelines(msgspec.json.encode(moment) + b"\n" for moment in moments)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
