"""How fast visit logs become one table, beside pandas and DuckDB on the same files, and how much memory it takes.

Run from the checkout: ``python -m benchmarks.reading``. The logs are made by the simulator once (some minutes) and kept
in the temporary folder of the machine, or in ``--folder``, for the next time.
"""

import statistics
import tempfile
import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click

import qst
from benchmarks.figures import Figure, seconds, show, show_machine
from benchmarks.visits import STATIONS, run_visit, shipped
from qst.analysis.columns import COLUMNS, Kind
from qst.record.records import Trial
from qst_simulators.profile import load_profile
from tests.record.logs import write_visit

#: Budgets of the design.
MOST_READ_S = 0.3
MOST_VERIFIED_S = 1.0
MOST_MILLION_S = 2.0
N_LOGS = 1000


def make_logs(folder: Path, count: int) -> int:
    """Reference visits on all stations, as many as are missing; returns their bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    profile = load_profile("fibromyalgia")
    stations = [shipped(name) for name in STATIONS]
    for seed in range(count):
        station = stations[seed % len(stations)]
        if not (folder / f"{station.station.id}-{seed}.jsonl").exists():
            run_visit(station, seed, profile, folder)
    return sum(path.stat().st_size for path in folder.glob("*.jsonl"))


def make_rows(folder: Path, n_rows: int) -> int:
    """Logs without samples that come to ``n_rows`` attempts, each begun, recorded and judged; returns their bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    per_log = 5000
    for number in range(n_rows // per_log):
        path = folder / f"{number}.jsonl"
        if not path.exists():
            # The second trial of these has a second attempt.
            write_visit(path, n_trials=per_log - 1, samples=0, session_uuid=f"rows-{number}")
    return sum(path.stat().st_size for path in folder.glob("*.jsonl"))


def times(action: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Best and median wall time, s."""
    taken = [seconds(action) for _ in range(repeats)]
    return min(taken), statistics.median(taken)


def show_reading(folder: Path, repeats: int) -> None:
    """One table of all logs, verified or not, alone or with the other core."""
    for helpers in (None, 0):
        who = "alone" if helpers == 0 else "with helpers"
        for verify, limit in ((False, MOST_READ_S), (True, MOST_VERIFIED_S)):
            best, median = times(partial(qst.read, folder, verify=verify, helpers=helpers), repeats)
            what = f"qst.read, {'every hash' if verify else 'rows validated'}, {who}"
            show(Figure(f"{what}: best", best, "s", at_most=limit))
            show(Figure(f"{what}: median of {repeats}", median, "s", at_most=limit))


def by_duckdb(folder: Path) -> int:
    """The trial records of the same files by a reader of JSON that knows no hash and validates nothing."""
    import duckdb  # noqa: PLC0415 - the peers are no dependency of the suite

    types = {Kind.INTEGER: "BIGINT", Kind.NUMBER: "DOUBLE", Kind.BOOLEAN: "BOOLEAN"}
    fields = [column for column in COLUMNS if column.name in Trial.__struct_fields__]
    columns = {"type": "VARCHAR"} | {column.name: types.get(column.kind, "VARCHAR") for column in fields}
    # Told the columns and the longest line: left to itself it runs out of memory with a thousand files.
    files = duckdb.read_json(
        f"{folder}/*.jsonl", format="newline_delimited", columns=columns, maximum_object_size=1_000_000
    )
    return len(files.filter("type = 'trial'").fetchall())


def show_peers(folder: Path, n_peer: int) -> None:
    """The same trial records by pandas and DuckDB."""
    import pandas as pd  # noqa: PLC0415 - as above

    paths = sorted(folder.glob("*.jsonl"))

    def by_pandas() -> int:
        frames = (pd.read_json(path, lines=True) for path in paths[:n_peer])
        return sum(len(frame[frame["type"] == "trial"]) for frame in frames)

    show(
        Figure(
            f"pandas.read_json, {n_peer} of {len(paths)} logs, scaled", seconds(by_pandas) * len(paths) / n_peer, "s"
        )
    )
    show(Figure("duckdb read_json, trial records only", times(partial(by_duckdb, folder), 3)[0], "s"))


def show_million(folder: Path, n_rows: int, repeats: int) -> None:
    """Attempts without samples, and what a frame of them takes."""
    n_bytes = make_rows(folder, n_rows)
    show(Figure(f"{n_rows:,} attempts, begun, recorded and judged", n_bytes / 1e6, "MB"))
    best, _ = times(lambda: qst.read(folder, verify=False), repeats)
    show(Figure("qst.read of them, rows validated: best", best, "s", at_most=MOST_MILLION_S))
    show(Figure("duckdb read_json of the same, trial records only", seconds(partial(by_duckdb, folder)), "s"))
    table = qst.read(folder, verify=False).trials
    show(Figure("their table as a polars frame", seconds(table.to_polars), "s", at_most=MOST_MILLION_S))


def show_memory(folder: Path) -> None:
    """Peak memory against the size of the input: the same rows with few and with many samples."""
    for samples in (100, 10_000):
        place = folder / f"samples-{samples}"
        place.mkdir(parents=True, exist_ok=True)
        for number in range(100):
            if not (place / f"{number}.jsonl").exists():
                write_visit(place / f"{number}.jsonl", n_trials=20, samples=samples, session_uuid=f"memory-{number}")
        size = sum(path.stat().st_size for path in place.glob("*.jsonl"))
        tracemalloc.start()
        n_rows = len(qst.read(place, helpers=0).trials)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        show(Figure(f"peak memory: {n_rows} rows from {size / 1e6:.0f} MB of logs", peak / 1e6, "MB"))


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), help="Where the logs are, or are to be kept.")
@click.option("--logs", "n_logs", default=N_LOGS, show_default=True, help="Reference visits.")
@click.option("--rows", "n_rows", default=1_000_000, show_default=True, help="Attempts without samples; 0 for none.")
@click.option("--repeats", default=7, show_default=True, help="Reads of all logs.")
@click.option("--peers/--no-peers", default=True, show_default=True, help="pandas and DuckDB on the same files.")
def main(folder: Path | None, n_logs: int, n_rows: int, repeats: int, peers: bool) -> None:
    """Measure and print."""
    show_machine()
    place = folder or Path(tempfile.gettempdir()) / "qst-reading"
    n_bytes = make_logs(place / "visits", n_logs)
    show(Figure(f"{n_logs} reference visits, samples inside", n_bytes / 1e6, "MB"))
    show_reading(place / "visits", repeats)
    if peers:
        show_peers(place / "visits", min(n_logs, 50))
    show_memory(place)
    if n_rows:
        show_million(place / f"rows-{n_rows}", n_rows, 3)


if __name__ == "__main__":
    main()
