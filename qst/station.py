"""A station: which instruments stand at a bench, behind which links, with which settings.

A station file is YAML like a protocol, read by the same reader: every problem with its line, nothing connected. A
station is simulated when its links are ``sim://``, or when it says so (simulators behind real links, recordings); a
station that mixes simulated and real instruments is refused, so that nobody is tested on a bench of which half is not
there.
"""

import functools
import json
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Annotated, Any, cast

import msgspec
from msgspec import Meta, field

from qst.clock import Clock
from qst.errors import InputError, QstError, StationFileError
from qst.instruments import Capabilities, DriverClass, Instrument, Link
from qst.protocol.decode import BAD, Decoder
from qst.protocol.decode import Path as TreePath
from qst.protocol.limits import StationLimits
from qst.protocol.loader import read_text
from qst.protocol.model import Identifier, Text
from qst.protocol.problems import Problems, did_you_mean
from qst.protocol.schema import as_written
from qst.protocol.tree import read_tree
from qst.response_button import PATTERN, ButtonSpec, parse_button

#: Entry points in this group are drivers: name in a station file -> class.
DRIVERS = "qst.drivers"
#: Name of the published schema in this package.
SCHEMA_FILE = "station.schema.json"
SIMULATED = "sim://"
#: A link of this kind is a recording, and one of this kind fails on purpose.
RECORDING, REHEARSAL = "replay:", "fault+"

Link_ = Annotated[
    str,
    Meta(
        min_length=1,
        description="Where it is: 'serial://COM3?baud=115200', 'tcp://HOST:PORT', 'visa://RESOURCE', 'operator:' for a "
        "display that is read, 'sim://mark10' for a simulated one, 'replay://FILE' for a recording, and "
        "'fault+tcp://HOST:PORT?fault=silence' to rehearse what happens when a link fails.",
    ),
]
Settings = Annotated[dict[str, Any], Meta(description="What the driver needs to know about this instrument.")]


class InstrumentSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One instrument of a station."""

    driver: Annotated[str, Meta(min_length=1, description="Name of an installed driver; 'qst devices' lists them.")]
    link: Link_
    settings: Settings = {}
    limits: Annotated[
        StationLimits | None, Meta(description="Limits of this bench; they may tighten the suite's, never loosen them.")
    ] = None
    simulator: Annotated[dict[str, Any], Meta(description="Switches of the simulator behind a sim:// link.")] = {}

    @property
    def simulated(self) -> bool:
        """Whether there is nothing real behind the link."""
        return self.link.startswith(SIMULATED)

    @property
    def recording(self) -> bool:
        """Whether a recording is played in place of the instrument."""
        return self.link.lower().startswith(RECORDING)

    @property
    def rehearsal(self) -> bool:
        """Whether the link fails on purpose."""
        return self.link.lower().startswith(REHEARSAL)


class InstrumentSpecs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The instruments by role."""

    thermode: InstrumentSpec | None = None
    algometer: InstrumentSpec | None = None


class Station(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A station file."""

    id: Identifier = field(name="station")
    title: Text = ""
    instruments: InstrumentSpecs
    says_simulated: Annotated[
        bool | None,
        Meta(
            description="true: simulators stand behind these real links, or recordings; every log says so. Not needed "
            "for sim:// links."
        ),
    ] = field(name="simulated", default=None)
    button: Annotated[
        str,
        Meta(
            description="The participant's button for instruments that have none of their own: 'keyboard' (the space "
            "bar), 'keyboard?key=page-down' (a pedal that sends this key), 'serial-line://COM5?line=cts&active=high' "
            "(a switch at a serial port), or 'simulated'.",
            extra_json_schema={"pattern": PATTERN},
        ),
    ] = "keyboard"

    def roles(self) -> dict[str, InstrumentSpec]:
        """The instruments that are there, by role."""
        specs = {"thermode": self.instruments.thermode, "algometer": self.instruments.algometer}
        return {role: spec for role, spec in specs.items() if spec is not None}

    @property
    def response_button(self) -> ButtonSpec:
        """The participant's button, taken apart."""
        return parse_button(self.button)

    @property
    def in_process(self) -> bool:
        """Whether its devices are simulated inside this program; a mixed station is refused when it is loaded."""
        return all(spec.simulated for spec in self.roles().values())

    @property
    def simulated(self) -> bool:
        """Whether nothing on this bench is real: what every log of it says."""
        return self.in_process or bool(self.says_simulated)


class LoadedStation(msgspec.Struct, frozen=True, kw_only=True):
    """A station and the text it came from."""

    station: Station
    text: str
    source: str


def load_station(path: Path) -> LoadedStation:
    """Read and check a station file.

    Raises:
        StationFileError: it is wrong; every problem with file, line, the offending text and what would be right.
        InputError: it cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"cannot read the station file: {error.strerror}", where=str(path), remedy="check the path"
        ) from error
    return load_station_bytes(data, str(path))


def load_station_bytes(data: bytes, source: str) -> LoadedStation:
    """As :func:`load_station`, from a file's bytes."""
    try:
        text = read_text(data, source)
        station = _read(text, source)
    except InputError as error:
        raise StationFileError(error.what, where=error.where, did=error.did, remedy=error.remedy) from error
    return LoadedStation(station=station, text=text, source=source)


def _read(text: str, source: str) -> Station:
    problems = Problems()
    root = read_tree(text, problems)
    problems.raise_if_any(source)
    if root is None:
        raise StationFileError("the file is empty", where=f"{source}:1", remedy="start from a shipped station")
    station = Decoder(problems, _check).value(root, _types(), ())
    problems.raise_if_any(source)
    if station is BAD:
        raise StationFileError("the file is no station", where=f"{source}:1", remedy="start from a shipped station")
    return cast("Station", station)


@functools.cache
def _types() -> Any:  # noqa: ANN401 - msgspec's description of a type has no common public class
    return msgspec.inspect.type_info(Station)


def _check(built: Any, path: TreePath, decoder: Decoder) -> None:  # noqa: ANN401 - any struct of the model
    """What the types cannot say."""
    if isinstance(built, InstrumentSpec):
        _check_instrument(built, path, decoder)
    elif isinstance(built, Station):
        kinds = {spec.simulated for spec in built.roles().values()}
        if not kinds:
            decoder.complain((*path, "instruments"), "a station without instruments", "add a thermode or an algometer")
        elif len(kinds) > 1:
            decoder.complain(
                (*path, "instruments"),
                "a station that mixes simulated and real instruments",
                "use sim:// links for all of them or for none",
            )
        else:
            _check_word(built, path, decoder)
            _check_button(built, path, decoder)


def _check_button(station: Station, path: TreePath, decoder: Decoder) -> None:
    try:
        button = station.response_button
    except InputError as error:
        decoder.complain((*path, "button"), error.what, error.remedy)
        return
    if button.kind == "serial-line" and station.in_process:
        decoder.complain(
            (*path, "button"), "a real button does not follow simulated time", "write button: keyboard, or simulated"
        )


def _check_word(station: Station, path: TreePath, decoder: Decoder) -> None:
    """What the station says about itself agrees with its links."""
    if station.in_process and station.says_simulated is False:
        decoder.complain((*path, "simulated"), "sim:// links lead to no real instrument", "leave 'simulated' out")
    if len(places := {_place(spec.link) for spec in station.roles().values()}) < len(station.roles()):
        decoder.complain(
            (*path, "instruments"),
            f"both instruments are behind the same link ({places.pop()})",
            "give each its own; what one of them is told would reach the other",
        )
    for role, spec in station.roles().items():
        if (spec.recording or spec.rehearsal) and not station.says_simulated:
            decoder.complain(
                (*path, "instruments", role, "link"),
                "behind this link there is a recording, or a rehearsal of faults",
                "write 'simulated: true' in the station file, so that no log of it passes as real",
            )


def _place(link: str) -> str:
    """Where a link leads, whatever its options and however it fails."""
    return link.partition("?")[0].removeprefix("fault+")


def _check_instrument(spec: InstrumentSpec, path: TreePath, decoder: Decoder) -> None:
    names = driver_names()
    if spec.driver not in names:
        decoder.complain(
            (*path, "driver"),
            f"no driver is called '{spec.driver}'",
            did_you_mean(spec.driver, names, always="installed drivers"),
        )
    elif path and driver_class(spec.driver).CAPABILITIES.kind != path[-1]:
        kind = driver_class(spec.driver).CAPABILITIES.kind
        decoder.complain((*path, "driver"), f"'{spec.driver}' is no {path[-1]}", f"list it under '{kind}'")
    for name, wrong, right in () if spec.limits is None or not path else spec.limits.mistakes(str(path[-1])):
        decoder.complain((*path, "limits", name), wrong, right)
    if spec.simulator and not spec.simulated:
        decoder.complain(
            (*path, "simulator"), "simulator switches for an instrument that is not simulated", "remove them"
        )


@functools.cache
def _drivers() -> Mapping[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=DRIVERS)}


def driver_names() -> tuple[str, ...]:
    """Names of the installed drivers, in alphabetical order."""
    return tuple(sorted(_drivers()))


def driver_class(name: str) -> DriverClass:
    """The driver that is installed under ``name``.

    Raises:
        KeyError: there is none.
        InputError: it is installed, and its code cannot be loaded.
    """
    try:
        return cast("DriverClass", _drivers()[name].load())
    except (ImportError, AttributeError) as error:
        raise InputError(
            f"the driver '{name}' is installed and cannot be loaded: {error}",
            remedy="repair or remove the package that brings it",
        ) from error


def build_instrument(station: LoadedStation, role: str, link: Link, clock: Clock) -> Instrument:
    """The driver of one role over its link. Opens nothing.

    Raises:
        StationFileError: the driver refuses its settings.
    """
    spec = station.station.roles()[role]
    try:
        return driver_class(spec.driver)(link, spec.settings, clock)
    except QstError as error:
        raise StationFileError(
            f"the driver '{spec.driver}' refuses its settings: {error.what}",
            where=f"{station.source}: instruments.{role}.settings",
            did="connected nothing",
            remedy=error.remedy,
        ) from error


def capabilities_of(instruments: Mapping[str, Instrument], role: str) -> Capabilities | None:
    """What the instrument in this role can do; None when the station has none."""
    instrument = instruments.get(role)
    return None if instrument is None else instrument.capabilities


def station_schema() -> dict[str, Any]:
    """The JSON Schema of station files as plain data, draft 2020-12; published as ``station.schema.json``."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "QST station",
        **as_written(msgspec.json.schema(Station)),
    }


def station_schema_text() -> str:
    """The published file's text."""
    return json.dumps(station_schema(), indent=2, ensure_ascii=False) + "\n"
