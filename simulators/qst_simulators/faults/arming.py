"""When a fault comes: now, at a time, or when a device enters a part of a trial. And how a station file says so."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from qst_simulators.faults.moments import Moment, Moments
from qst_simulators.world import World


def arm(
    world: World,
    moments: Moments | None,
    strike: Callable[[], None],
    *,
    at_s: float | None,
    when: str | None,
    after_s: float,
) -> None:
    """Let ``strike`` happen.

    Args:
        world: whose time it is.
        moments: where the device tells in which part of a trial it is; None when it does not.
        strike: makes the fault.
        at_s: world time; in the past it is now.
        when: a moment, entered for the first time from now on; ``connect`` is now.
        after_s: so much later than that.

    Raises:
        ValueError: both ``at_s`` and ``when``, no such moment, or a device that does not tell its moments.
    """
    if at_s is not None and when is not None:
        raise ValueError("a fault comes either at_s or when, not both")
    if when is not None and when not in tuple(Moment):
        raise ValueError(f"when is one of {', '.join(Moment)}, not '{when}'")
    if when is None or when == Moment.CONNECT:
        start_s = world.now_s if at_s is None else at_s
        if start_s + after_s <= world.now_s:
            strike()
        else:
            world.at(start_s + after_s, strike)
        return
    if moments is None:
        raise ValueError(f"this device does not tell when it is at '{when}'; give at_s")
    _await(world, moments, Moment(when), strike, after_s)


def _await(world: World, moments: Moments, wanted: Moment, strike: Callable[[], None], after_s: float) -> None:
    def entered(moment: Moment) -> None:
        if moment is wanted:
            moments.listeners.remove(entered)
            # Never inside the device's own step: what it does at this moment is done first.
            world.at(world.now_s + after_s, strike)

    moments.listeners.append(entered)


def faults_of(settings: Mapping[str, Any]) -> tuple[dict[str, Any], Sequence[dict[str, Any]]]:
    """A simulator's switches without ``faults``, and the faults: mappings with ``name`` and what ``inject`` takes.

    Raises:
        ValueError: ``faults`` is no list of mappings with a name.
    """
    rest = dict(settings)
    faults = rest.pop("faults", [])
    shape = 'faults is a list such as [{name: silence, when: ramp}, {name: "garbage", at_s: 12}]'
    if not isinstance(faults, Sequence) or isinstance(faults, str):
        raise ValueError(shape)  # noqa: TRY004 - a wrong setting, which a station file reports as one
    for entry in faults:
        if not isinstance(entry, Mapping) or not isinstance(entry.get("name"), str):
            raise ValueError(shape)  # noqa: TRY004 - likewise
    return rest, [dict(entry) for entry in faults]
