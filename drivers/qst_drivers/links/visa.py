"""``visa://RESOURCE?backend=@py``: a VISA resource that carries a stream of bytes, by PyVISA.

``visa://ASRL3::INSTR?baud=38400`` and ``visa://TCPIP::192.168.0.2::10001::SOCKET``. Without ``backend`` PyVISA takes an
installed VISA library (such as NI-VISA) and otherwise pyvisa-py; ``@py`` and ``@ivi`` say which. Resources that carry
messages instead of bytes (GPIB, USBTMC, VXI-11) are refused: no instrument of the suite speaks them.

A VISA read that times out throws away what it had got, and pyvisa-py applies a port's one time-out to writes as well,
and to a read as a whole. So nothing is ever asked for that may not be there. A serial resource tells how many bytes
have arrived: it is looked at every millisecond, and exactly those are read, with a time-out that is never reached. A
socket does not tell: it is read one byte at a time, in short waits.
"""

from typing import TYPE_CHECKING, Any, Final, cast

from qst.abort import AbortSwitch
from qst.clock import Clock
from qst.errors import LinkClosedError, LinkError, LinkOpenError, LinkTimeoutError
from qst_drivers.links.urls import LinkUrl, one_of, refuse_unknown, whole_number, wrong
from qst_drivers.links.waiting import LOOK_S, SLICE_S, unhurried

if TYPE_CHECKING:
    from pyvisa.resources import MessageBasedResource

_OPEN_S: Final = 6.0
_SLICE_MS: Final = round(SLICE_S * 1000)
#: For writes, and for reading bytes that are there: a busy computer must not make them fail.
_PATIENT_MS: Final = 2000
_SERIAL_OPTIONS: Final = ("baud", "bits", "parity", "stopbits")
_STOP_BITS: Final = {"1": 10, "1.5": 15, "2": 20}  # VISA counts in tenths
_MOST: Final = 65536


class VisaLink:
    """A VISA resource.

    Args:
        url: see the module.
        clock: for deadlines.
        abort: ends a wait for an answer at once (serial resource) or within 5 ms (socket).

    Raises:
        StationFileError: no resource that carries bytes, or a wrong option.
    """

    def __init__(self, url: LinkUrl, clock: Clock, abort: AbortSwitch) -> None:
        self._description = url.text
        self._name = url.place
        self._serial = _carries_bytes(url) == "ASRL"
        refuse_unknown(url, "backend", *(_SERIAL_OPTIONS if self._serial else ()))
        self._backend = url.options.get("backend", "")
        self._line = _line_settings(url) if self._serial else {}
        self._clock = clock
        self._now = clock.monotonic
        self._abort = abort
        self._resource: MessageBasedResource | None = None
        self._timeout_ms = _PATIENT_MS

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
        """Bytes as they are: nothing ends a read but their number."""
        from pyvisa import constants  # noqa: PLC0415 - as above

        resource.timeout = self._timeout_ms = _PATIENT_MS
        if not self._serial:
            resource.set_visa_attribute(constants.ResourceAttribute.termchar_enabled, False)
            return
        attribute = constants.ResourceAttribute
        none = constants.SerialTermination.none
        resource.set_visa_attribute(attribute.asrl_end_in, none)
        resource.set_visa_attribute(attribute.asrl_end_out, none)
        for name, value in self._line.items():
            resource.set_visa_attribute(getattr(attribute, name), value)

    def write(self, data: bytes) -> None:
        """Send all of ``data``.

        Raises:
            LinkClosedError: not open, or the other side is gone.
            LinkTimeoutError: it takes no more bytes.
        """
        from pyvisa import errors  # noqa: PLC0415 - as above

        resource = self._require_open()
        self._be_patient(resource, _PATIENT_MS)
        try:
            resource.write_raw(data)
        except (errors.VisaIOError, OSError) as failed:
            if _timed_out(failed):
                raise LinkTimeoutError("it takes no more bytes", where=self._description) from failed
            raise self._gone(failed) from failed

    def read(self, timeout_s: float) -> bytes:
        """At least one byte. Whether the other side has closed is not told by every backend: it may show as silence.

        Raises:
            LinkTimeoutError: nothing came in time.
            LinkClosedError: not open, or the other side is gone.
        """
        resource = self._require_open()
        deadline_s = self._now() + timeout_s
        while True:
            self._abort.check()
            left_s = deadline_s - self._now()
            data = self._rest(resource) if self._serial else self._one(resource, _SLICE_MS)
            if data:
                return data
            if left_s <= 0.0:
                raise LinkTimeoutError(f"no answer within {timeout_s:g} s", where=self._description)
            if self._serial:
                self._abort.wait(min(left_s, LOOK_S))

    def read_available(self) -> bytes:
        """Whatever has arrived. On a socket this waits for up to 1 ms: VISA cannot look without reading.

        Raises:
            LinkClosedError: not open, or the other side is gone.
        """
        resource = self._require_open()
        if self._serial:
            return self._rest(resource)
        data = b""
        while len(data) < _MOST and (byte := self._one(resource, 0)):
            data += byte
        return data

    def _be_patient(self, resource: "MessageBasedResource", timeout_ms: int) -> None:
        """Only sockets ever change their time-out: setting it sets a serial port up anew."""
        if not self._serial and self._timeout_ms != timeout_ms:
            resource.timeout = self._timeout_ms = timeout_ms

    def _one(self, resource: "MessageBasedResource", timeout_ms: int) -> bytes:
        """One byte, or none within the time-out: a read of one cannot lose anything."""
        self._be_patient(resource, timeout_ms)
        return self._take(resource, 1)

    def _rest(self, resource: "MessageBasedResource") -> bytes:
        count = self._arrived(resource)
        return self._take(resource, count) if count else b""

    def _arrived(self, resource: "MessageBasedResource") -> int:
        from pyvisa import constants, errors  # noqa: PLC0415 - as above

        available = constants.ResourceAttribute(constants.VI_ATTR_ASRL_AVAIL_NUM)
        try:
            return int(resource.get_visa_attribute(available))
        except (errors.VisaIOError, OSError) as failed:
            raise self._gone(failed) from failed

    def _take(self, resource: "MessageBasedResource", count: int) -> bytes:
        from pyvisa import constants, errors  # noqa: PLC0415 - as above

        try:
            with resource.ignore_warning(constants.StatusCode.success_max_count_read):  # just what was asked for
                data, _ = resource.visalib.read(resource.session, count)
        except (errors.VisaIOError, OSError) as failed:
            if _timed_out(failed):
                return b""
            raise self._gone(failed) from failed
        return bytes(data)

    def close(self) -> None:
        """Close the resource."""
        if self._resource is not None:
            resource, self._resource = self._resource, None
            _close(resource)

    def _require_open(self) -> "MessageBasedResource":
        if self._resource is None:
            raise LinkClosedError("the link is not open", where=self._description)
        return self._resource

    def _gone(self, failed: Exception) -> LinkError:
        return LinkClosedError(
            f"the resource has failed: {failed}",
            where=self._description,
            remedy="check the cable and that the device is on; then connect again",
        )


def _close(resource: "MessageBasedResource") -> None:
    resource.close()


def _timed_out(failed: Exception) -> bool:
    from pyvisa import constants  # noqa: PLC0415 - as above

    return getattr(failed, "error_code", None) == constants.StatusCode.error_timeout


def _carries_bytes(url: LinkUrl) -> str:
    """``ASRL`` or ``SOCKET``."""
    name = url.place.upper()
    if name.startswith("ASRL") and name.endswith("::INSTR"):
        return "ASRL"
    if name.startswith("TCPIP") and name.endswith("::SOCKET"):
        return "SOCKET"
    raise wrong(
        url.text,
        f"'{url.place}' is no VISA resource that carries a stream of bytes",
        "write it like visa://ASRL3::INSTR?baud=38400 or visa://TCPIP::192.168.0.2::10001::SOCKET",
    )


def _line_settings(url: LinkUrl) -> dict[str, Any]:
    """VISA attributes of a serial resource."""
    from pyvisa import constants  # noqa: PLC0415 - as above

    if "baud" not in url.options:
        raise wrong(url.text, "its speed is not stated", "add ?baud=38400, or whatever the device is set to")
    parities = ("none", "odd", "even", "mark", "space")
    return {
        "asrl_baud_rate": whole_number(url, "baud"),
        "asrl_data_bits": int(one_of(url, "bits", "8", ("5", "6", "7", "8"))),
        "asrl_parity": constants.Parity[one_of(url, "parity", "none", parities)],
        "asrl_stop_bits": constants.StopBits(_STOP_BITS[one_of(url, "stopbits", "1", tuple(_STOP_BITS))]),
    }
