"""Instrument control, visit protocols and simulators for quantitative sensory testing.

For analysts: ``qst.read(path)`` makes one dataset of any number of visit logs (:mod:`qst.analysis.dataset`).
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qst.analysis.dataset import Dataset, LeftOut, Table, read

__version__ = "0.1.0"
__all__ = ["Dataset", "LeftOut", "Table", "__version__", "read"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    """Load the analyst's side when it is first used: ``import qst`` alone stays cheap."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from qst.analysis import dataset  # noqa: PLC0415 - see above

    return getattr(dataset, name)
