"""The large libraries that some formats need: a clear word when one is not installed."""

from collections.abc import Iterator
from contextlib import contextmanager

from qst.errors import InputError


@contextmanager
def needed_for(what: str, otherwise: str = "; a .csv file needs no library") -> Iterator[None]:
    """Imports inside this block are what ``what`` (a plural: ``Parquet files``) needs.

    Args:
        what: who needs them.
        otherwise: what can be done without them, as the end of the remedy.

    Raises:
        InputError: one of them is not installed; it says how to install it.
    """
    try:
        yield
    except ImportError as error:
        raise InputError(
            f"{what} need the library '{error.name}', which is not installed",
            did="wrote nothing",
            remedy=f"pip install qst-suite[analysis]{otherwise}",
        ) from error
