"""What all pictures share: paper, inks, watermark, and files that are the same bytes every time.

Only matplotlib's object-oriented interface is used: no windows, and no settings of the analyst's own leak in or out.
The inks are those of Okabe and Ito, told apart by people of any colour vision; no fact is told by colour alone.
"""

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import qst
from qst.analysis.export.libraries import needed_for
from qst.errors import InputError

if TYPE_CHECKING:  # large, and loaded when a picture is asked for
    from matplotlib.figure import Figure

INK: Final = "#1a1a1a"
SOFT: Final = "#767676"
FAINT: Final = "#d9d9d9"
BLUE: Final = "#0072b2"
VERMILION: Final = "#d55e00"
GREEN: Final = "#009e73"
SKIN: Final = "#f1eee9"
#: Perceived alike with every colour vision, and still in order when printed in grey.
COLOUR_MAP: Final = "cividis"

SUFFIXES: Final = (".png", ".svg", ".pdf")
WIDTH_IN: Final = 7.4  # what A4 leaves between its margins
_STYLE: Final = {
    "font.family": "DejaVu Sans",  # comes with matplotlib
    "font.size": 7.0,
    "axes.titlesize": 7.0,
    "axes.titlelocation": "left",
    "axes.labelsize": 7.0,
    "axes.edgecolor": SOFT,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.fontsize": 6.5,
    "legend.frameon": False,
    "lines.linewidth": 1.0,
    "savefig.dpi": 200,
    "figure.dpi": 200,
    "svg.hashsalt": "qst",  # else identifiers in the file are random
    "svg.fonttype": "path",
    "pdf.fonttype": 42,
}


class Picture(NamedTuple):
    """One picture. ``name`` tells it from its like in file names; ``alt`` says in words what it shows."""

    name: str
    alt: str
    figure: "Figure"


@contextmanager
def drawing() -> Iterator[None]:
    """Draw and save inside: matplotlib's own defaults and this module's style, whatever the analyst has set.

    Raises:
        InputError: matplotlib is not installed.
    """
    with needed_for("Pictures", ""):
        import matplotlib.style  # noqa: PLC0415 - large, and needed by pictures only
    with matplotlib.style.context(["default", _STYLE]):
        yield


def sheet(height_in: float, title: str, origin: str, *, simulated: bool) -> "Figure":
    """An empty figure with its title, where it comes from, and a watermark when anything on it was simulated."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - large, and needed by pictures only
    from matplotlib.layout_engine import ConstrainedLayoutEngine  # noqa: PLC0415 - likewise

    foot = 0.16 / height_in
    engine = ConstrainedLayoutEngine(rect=(0, foot, 1, 1 - foot))
    figure = Figure(figsize=(WIDTH_IN, height_in), layout=engine)
    figure.suptitle(f"SIMULATED · {title}" if simulated else title, x=0.01, ha="left", fontsize=9, color=INK)
    figure.text(0.01, 0.03 / height_in, f"{origin}; qst-suite {qst.__version__}", fontsize=5, color=SOFT)
    if simulated:
        figure.text(
            0.5, 0.5, "SIMULATED", fontsize=64, color=INK, alpha=0.1, rotation=30, ha="center", va="center", zorder=10
        )
    return figure


def write(pictures: Sequence[Picture], path: Path) -> tuple[Path, ...]:
    """Write pictures: a PDF gets a page for each; otherwise each has a file, with its name before the suffix.

    Returns:
        The files.

    Raises:
        InputError: the suffix is unknown, or the file cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(
            f"'{path.name}' names no kind of picture",
            where=str(path),
            did="drew nothing",
            remedy=f"let the name end in {', '.join(SUFFIXES)}",
        )
    try:
        if suffix == ".pdf":
            return _write_pages(pictures, path)
        return tuple(_write_one(picture, _named(path, picture, alone=len(pictures) == 1)) for picture in pictures)
    except OSError as error:
        raise InputError(
            f"the picture cannot be written: {error.strerror or error}", where=str(path), remedy="choose another place"
        ) from error


def _write_pages(pictures: Sequence[Picture], path: Path) -> tuple[Path, ...]:
    from matplotlib.backends.backend_pdf import PdfPages  # noqa: PLC0415 - large, and needed by pictures only

    with PdfPages(path, metadata={"CreationDate": None}) as pages:
        for picture in pictures:
            settle(picture.figure)
            pages.savefig(picture.figure)
    return (path,)


def _named(path: Path, picture: Picture, *, alone: bool) -> Path:
    return path if alone else path.with_name(f"{path.stem}.{picture.name}{path.suffix}")


def _write_one(picture: Picture, path: Path) -> Path:
    path.write_bytes(image(picture.figure, path.suffix.lower()[1:]))
    return path


def settle(figure: "Figure") -> None:
    """Lay a figure out, once and for good.

    The solver behind the layout is right to the last bit but one, and now and then that bit differs. The identifiers in
    an SVG file are made of the very numbers: without rounding, equal logs would give files that differ.
    """
    engine = figure.get_layout_engine()
    if engine is None:
        return
    if figure.axes:  # without any, the solver has nothing to do, and warns
        engine.execute(figure)
    figure.set_layout_engine("none")
    for axes in figure.axes:
        left, bottom, width, height = (round(float(number), 9) for number in axes.get_position(original=True).bounds)
        axes.set_position((left, bottom, width, height))


def image(figure: "Figure", kind: str) -> bytes:
    """A figure as ``png`` or ``svg``, without the time of its making."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - large, and needed by pictures only
    from matplotlib.backends.backend_svg import FigureCanvasSVG  # noqa: PLC0415 - likewise

    settle(figure)
    made = io.BytesIO()
    canvas: Any  # its methods have no annotations
    if kind == "svg":
        canvas = FigureCanvasSVG(figure)
        canvas.print_svg(made, metadata={"Date": None})
    else:
        canvas = FigureCanvasAgg(figure)
        canvas.print_png(made)
    return made.getvalue()


_IDENTIFIER: Final = re.compile(r'(\bid="|\bhref="#|url\(#)')


def inline_svg(picture: Picture) -> str:
    """A picture as an ``svg`` element for an HTML page: identifiers of its own, and its description for readers."""
    text = image(picture.figure, "svg").decode("utf-8")
    element = text[text.index("<svg") :]
    element = re.sub(r"<metadata>.*?</metadata>", "", element, flags=re.DOTALL)
    return _IDENTIFIER.sub(lambda found: f"{found[0]}{picture.name}-", element)
