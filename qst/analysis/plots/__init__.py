"""Pictures of visits: trial traces, body map, thresholds over visits, pressure rates.

::

    plot(qst.read("logs"), "bodymap", Path("map.pdf"))

Equal logs give equal files, byte by byte. A picture with a simulated value on it says so across its whole width.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import Final

from qst.analysis.dataset import Dataset
from qst.analysis.plots import body_map, over_visits, rates, traces
from qst.analysis.plots.canvas import SUFFIXES, Picture, drawing, inline_svg, write
from qst.analysis.plots.visit import VisitView, visits_of
from qst.errors import InputError

__all__ = ["KINDS", "SUFFIXES", "Picture", "drawing", "inline_svg", "pictures", "plot"]

_OF_VISIT: Final[dict[str, Callable[[VisitView], Picture]]] = {
    "traces": traces.draw,
    "bodymap": body_map.draw,
    "rates": rates.draw,
}

#: What can be drawn. All but ``visits`` are pictures of one visit each.
KINDS: Final = (*_OF_VISIT, "visits")

_UNSAFE: Final = re.compile(r"[^\w-]")
_LONGEST: Final = 100  # a path's part has at most 255 bytes, some of which the caller's own name takes


def plot(dataset: Dataset, kind: str, path: Path) -> tuple[Path, ...]:
    """Draw a dataset into a file.

    Args:
        dataset: as ``qst.read`` makes it.
        kind: one of :data:`KINDS`. ``visits`` gives one picture a participant, the others one a visit.
        path: ends in ``.png``, ``.svg`` or ``.pdf``. Several pictures are pages of a PDF, else files of their own,
            named after participant and visit.

    Returns:
        The files written.

    Raises:
        InputError: kind or suffix is unknown, there is nothing to draw, or the place cannot be written.
    """
    with drawing():
        made = list(pictures(dataset, kind))
        if not made:
            raise InputError("there is no visit to draw", did="drew nothing")
        return write(made, path)


def pictures(dataset: Dataset, kind: str) -> Iterator[Picture]:
    """The pictures of a dataset; to be used inside :func:`drawing`.

    Raises:
        InputError: the kind is unknown.
    """
    if kind not in KINDS:
        raise InputError(f"unknown kind of picture '{kind}'", remedy=f"known kinds: {', '.join(KINDS)}")
    yield from _named_apart(over_visits.draw(dataset) if kind == "visits" else _of_visits(dataset, kind))


def _of_visits(dataset: Dataset, kind: str) -> Iterator[Picture]:
    for view in visits_of(dataset):
        yield _OF_VISIT[kind](view)._replace(name=f"{view.facts['participant_id']}_visit-{view.facts['visit']}")


def _named_apart(made: Iterable[Picture]) -> Iterator[Picture]:
    """The same pictures, no two of one name: one would take the other's file.

    Study ``A_B`` with participant ``C`` and study ``A`` with ``B_C`` are joined to one name, a visit can have two logs,
    and some file systems do not tell capitals apart. No log of the suite has a pseudonym with other signs than
    letters, digits, ``-`` and ``_``; one that has is drawn all the same, and its files stand where they should.
    """
    taken: set[str] = set()
    for picture in made:
        safe = _UNSAFE.sub("-", picture.name)[:_LONGEST]
        name = next(name for name in _numbered(safe) if name.casefold() not in taken)
        taken.add(name.casefold())
        yield picture._replace(name=name)


def _numbered(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name}_{number}" for number in count(2))
