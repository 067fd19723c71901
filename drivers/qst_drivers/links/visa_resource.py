"""What every VISA resource has: how it is opened, written to and closed, by PyVISA.

Without ``backend`` PyVISA takes an installed VISA library (such as NI-VISA) and otherwise pyvisa-py; ``py`` and ``ivi``
say which. NI-VISA and other installed libraries: unverified, tried with pyvisa-py and with simulated libraries only.
"""

from typing import TYPE_CHECKING, Final, Literal, cast

from qst.abort import AbortSwitch
from qst.clock import Clock
from qst.errors import LinkClosedError, LinkOpenError, LinkTimeoutError
from qst_drivers.links.urls import LinkUrl, refuse_unknown, wrong
from qst_drivers.links.waiting import unhurried

if TYPE_CHECKING:
    from pyvisa.resources import MessageBasedResource

_OPEN_S: Final = 6.0
#: For writes, and for reading what is there: a busy computer must not make them fail.
PATIENT_MS: Final = 2000
#: As people write them.
_BACKENDS: Final = {"py": "@py", "ivi": "@ivi"}
_CARRIED: Final[dict[tuple[str, str], Literal["bytes", "messages"]]] = {
    ("ASRL", "INSTR"): "bytes",
    ("TCPIP", "SOCKET"): "bytes",
    **{(interface, "INSTR"): "messages" for interface in ("GPIB", "USB", "TCPIP")},
}
_EXAMPLES: Final = (
    "write it like visa://ASRL3::INSTR?baud=38400, visa://TCPIP::192.168.0.2::10001::SOCKET, visa://GPIB0::5::INSTR or "
    "visa://USB0::0x1234::0x5678::SERIAL::INSTR"
)


def carries(url: LinkUrl) -> Literal["bytes", "messages"]:
    """What passes over a resource of this name.

    Raises:
        StationFileError: it is no resource's name, or carries neither.
    """
    from pyvisa import rname  # noqa: PLC0415 - only who names a resource needs PyVISA

    try:
        name = rname.ResourceName.from_string(url.place)
    except (rname.InvalidResourceName, ValueError) as invalid:
        raise wrong(url.text, f"'{url.place}' is no name of a VISA resource", _EXAMPLES) from invalid
    found = _CARRIED.get((name.interface_type, name.resource_class))
    if found is None:
        raise wrong(url.text, f"'{url.place}' carries neither bytes nor messages", _EXAMPLES)
    return found


class VisaResource:
    """A resource, whatever it carries.

    Args:
        url: ``visa://RESOURCE?backend=py``.
        clock: for deadlines.
        abort: ends waits.
        known: options besides ``backend``.

    Raises:
        StationFileError: another option.
    """

    def __init__(self, url: LinkUrl, clock: Clock, abort: AbortSwitch, known: tuple[str, ...] = ()) -> None:
        refuse_unknown(url, "backend", *known)
        self._description = url.text
        self._name = url.place
        backend = url.options.get("backend", "")
        self._backend = _BACKENDS.get(backend, backend)
        self._clock = clock
        self._now = clock.monotonic
        self._abort = abort
        self._resource: MessageBasedResource | None = None

    @property
    def description(self) -> str:
        """The URL."""
        return self._description

    def open(self) -> None:
        """Open the resource.

        Raises:
            LinkOpenError: no such backend, or the resource does not open.
        """
        self.close()
        self._resource = unhurried(
            self._opened, self._clock, self._abort, within_s=_OPEN_S, where=self._description, discard=_close
        )

    def _opened(self) -> "MessageBasedResource":
        import pyvisa  # noqa: PLC0415 - only who opens a resource needs PyVISA

        try:
            manager = pyvisa.ResourceManager(self._backend)
            resource = cast("MessageBasedResource", manager.open_resource(self._name))
        except Exception as failed:  # backends raise whatever they like, also plain Exception
            raise LinkOpenError(
                f"the resource {self._name} does not open: {failed}",
                where=self._description,
                remedy="'qst ports' lists the resources that are there; see that no other program uses it",
            ) from failed
        try:
            self._set_up(resource)
        except BaseException:
            resource.close()
            raise
        return resource

    def _set_up(self, resource: "MessageBasedResource") -> None:
        """Make it ready for use, right after it was opened."""
        resource.timeout = PATIENT_MS

    def write(self, data: bytes) -> None:
        """Send all of ``data``.

        Raises:
            LinkClosedError: not open, or the other side is gone.
            LinkTimeoutError: it takes no more bytes.
        """
        from pyvisa import errors  # noqa: PLC0415 - as above

        resource = self._require_open()
        self._be_patient(resource, PATIENT_MS)
        try:
            resource.write_raw(data)
        except (errors.VisaIOError, OSError) as failed:
            if timed_out(failed):
                raise LinkTimeoutError("it takes no more bytes", where=self._description) from failed
            raise self._gone(failed) from failed

    def _be_patient(self, resource: "MessageBasedResource", timeout_ms: int) -> None:
        """Set the time-out, where it is not always the same."""

    def close(self) -> None:
        """Close the resource."""
        if self._resource is not None:
            resource, self._resource = self._resource, None
            _close(resource)

    def _require_open(self) -> "MessageBasedResource":
        if self._resource is None:
            raise LinkClosedError("the link is not open", where=self._description)
        return self._resource

    def _gone(self, failed: Exception) -> LinkClosedError:
        return LinkClosedError(
            f"the resource has failed: {failed}",
            where=self._description,
            remedy="check the cable and that the device is on; then connect again",
        )

    def _silent(self, timeout_s: float) -> LinkTimeoutError:
        return LinkTimeoutError(f"no answer within {timeout_s:g} s", where=self._description)


def _close(resource: "MessageBasedResource") -> None:
    resource.close()


def timed_out(failed: Exception) -> bool:
    """Whether VISA says that nothing came in time."""
    from pyvisa import constants  # noqa: PLC0415 - as above

    return getattr(failed, "error_code", None) == constants.StatusCode.error_timeout
