"""``operator:``: no cable at all. The device has a display, and a person reads it."""

from typing import NoReturn

from qst.errors import LinkError
from qst_drivers.links.urls import LinkUrl, refuse_unknown, wrong


class OperatorLink:
    """Opens and closes, and carries nothing.

    Args:
        url: ``operator:``.

    Raises:
        StationFileError: something follows the scheme.
    """

    def __init__(self, url: LinkUrl) -> None:
        refuse_unknown(url)
        if url.place:
            raise wrong(url.text, "a display that is read has no address", "write 'operator:' alone")
        self.description = url.text

    def open(self) -> None:
        """There is nothing to open."""

    def write(self, data: bytes) -> None:  # noqa: ARG002 - the interface's name
        """Raises LinkError: the driver needs a cable."""
        self._refuse()

    def read(self, timeout_s: float) -> bytes:  # noqa: ARG002 - the interface's name
        """Raises LinkError: the driver needs a cable."""
        self._refuse()

    def read_available(self) -> bytes:
        """Nothing."""
        return b""

    def close(self) -> None:
        """There is nothing to close."""

    def _refuse(self) -> NoReturn:
        raise LinkError(
            "this instrument's driver talks to a device, but the station says that its display is read by the operator",
            where=self.description,
            remedy="name the port in the station file, or use the driver of an instrument that is read",
        )
