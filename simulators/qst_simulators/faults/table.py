"""Which faults a thing can have, and what makes each of them."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from qst_simulators.faults.names import Fault, fault_named, refuse


class FaultTable:
    """The faults of one thing: a wire, a device, a button.

    Args:
        owner: how a message names the thing.
        strikes: fault -> what makes it happen now; its keyword arguments are the fault's options.
    """

    def __init__(self, owner: str, strikes: Mapping[Fault, Callable[..., None]]) -> None:
        self._owner = owner
        self._strikes = dict(strikes)

    def __contains__(self, fault: Fault) -> bool:
        return fault in self._strikes

    @property
    def names(self) -> frozenset[Fault]:
        """The faults."""
        return frozenset(self._strikes)

    def check(self, name: str, options: Mapping[str, Any]) -> Fault:
        """The fault of this name, if the thing can have it, with these options.

        Raises:
            ValueError: no such fault here (the message names those there are), or an option it does not know.
        """
        fault = fault_named(name)
        if fault not in self._strikes:
            refuse(name, self._owner, self._strikes)
        try:
            inspect.signature(self._strikes[fault]).bind(**options)
        except TypeError as unknown:
            raise ValueError(f"{fault}: {unknown}") from unknown
        return fault

    def strike(self, name: str, options: Mapping[str, Any]) -> None:
        """Let it happen now. Raises ValueError as :meth:`check`."""
        self._strikes[self.check(name, options)](**options)
