"""How a check says that something is wrong: what was seen, and what to do about it."""

from collections.abc import Callable

from qst.errors import InstrumentError, LinkError, QstError, WireError

#: What the visit knows how to handle from an instrument; anything else ends it with a trace-back.
TOLD = (InstrumentError, LinkError, WireError)


class NonconformanceError(AssertionError):
    """A driver, or its simulator, does not do what the suite relies on.

    Args:
        what: what was seen.
        remedy: what the driver's author can do.
    """

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what}\n  To do: {remedy}")
        self.what = what
        self.remedy = remedy


def require(condition: object, what: str, remedy: str) -> None:
    """Raise NonconformanceError unless ``condition``."""
    __tracebackhide__ = True
    if not condition:
        raise NonconformanceError(what, remedy)


def failure_of(action: Callable[[], object], doing: str) -> QstError | None:
    """The error of the suite that ``action`` raised, or None.

    Raises:
        NonconformanceError: it raised another exception, which no visit could handle.
    """
    __tracebackhide__ = True
    try:
        action()
    except TOLD as error:
        return error
    except Exception as error:
        raise NonconformanceError(
            f"{doing}: {type(error).__name__} escaped: {error}",
            "raise an InstrumentError, a LinkError or a WireError: anything else ends a visit with a trace-back",
        ) from error
    return None


def require_no_failure(action: Callable[[], object], doing: str, remedy: str) -> None:
    """``action`` must not raise."""
    __tracebackhide__ = True
    error = failure_of(action, doing)
    require(error is None, f"{doing}: {error.report() if error else ''}", remedy)


def require_failure(
    action: Callable[[], object], kinds: tuple[type[QstError], ...], doing: str, remedy: str
) -> QstError:
    """``action`` must raise one of ``kinds``; the error."""
    __tracebackhide__ = True
    error = failure_of(action, doing)
    names = " or ".join(kind.__name__ for kind in kinds)
    if error is None:
        raise NonconformanceError(f"{doing}: nothing was raised, {names} was expected", remedy)
    require(isinstance(error, kinds), f"{doing}: {type(error).__name__} instead of {names}: {error}", remedy)
    return error


def require_helpful(error: QstError, doing: str) -> None:
    """A technician can act on ``error``: it says where, and what to do."""
    __tracebackhide__ = True
    require(
        error.where and error.remedy,
        f"{doing}: {type(error).__name__} ({error.what}) has where={error.where!r}, remedy={error.remedy!r}",
        "give the error where=link.description and a remedy that a technician can carry out at the bench",
    )
