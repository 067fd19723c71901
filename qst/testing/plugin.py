"""The pytest plugin: fixtures for tests against simulated instruments.

Everything is imported inside the fixtures: the plugin is loaded in every run of pytest wherever the suite is installed.

* ``virtual_clock``: a virtual clock with its abort switch (``virtual_clock.abort``) and a timetable.
* ``simulated_participant``: a factory, ``simulated_participant("healthy")`` is that profile; also a path.
* ``virtual_station``: a factory, ``virtual_station("tcs", seed=3).run()`` is a visit that was run; its log is in the
  test's temporary folder.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from qst.station import LoadedStation
    from qst.testing.scheduled_clock import ScheduledClock
    from qst.testing.station import VirtualStation
    from qst_simulators.profile import Profile


class MakeParticipant(Protocol):
    """What the fixture ``simulated_participant`` is."""

    def __call__(self, name_or_path: str = "fibromyalgia") -> "Profile":
        """The profile: thresholds, reaction times, lapses, hand and operator. Raises InputError."""


class MakeStation(Protocol):
    """What the fixture ``virtual_station`` is."""

    def __call__(
        self,
        station: "str | Path | LoadedStation" = "default",
        *,
        seed: int = 1,
        protocol: str = "demo-quick",
        **options: Any,  # noqa: ANN401 - those of VirtualStation
    ) -> "VirtualStation":
        """A station as :class:`qst.testing.station.VirtualStation` describes it. Raises InputError."""


@pytest.fixture
def virtual_clock() -> "ScheduledClock":
    """A virtual clock, as an instrument or a link takes it; ``virtual_clock.abort`` is its abort switch."""
    from qst.testing.scheduled_clock import ScheduledClock  # noqa: PLC0415 - see the module

    return ScheduledClock()


@pytest.fixture
def simulated_participant() -> MakeParticipant:
    """Makes the profile of a simulated participant from a shipped name or a path."""

    def make(name_or_path: str = "fibromyalgia") -> "Profile":
        from qst_simulators.profile import load_profile  # noqa: PLC0415 - see the module

        return load_profile(name_or_path)

    return make


@pytest.fixture
def virtual_station(tmp_path: Path) -> MakeStation:
    """Makes simulated stations that are ready to run a visit."""

    def make(
        station: "str | Path | LoadedStation" = "default",
        *,
        seed: int = 1,
        protocol: str = "demo-quick",
        **options: Any,  # noqa: ANN401 - those of VirtualStation
    ) -> "VirtualStation":
        from qst.testing.station import VirtualStation  # noqa: PLC0415 - see the module

        return VirtualStation(station, folder=tmp_path, seed=seed, protocol=protocol, **options)

    return make
