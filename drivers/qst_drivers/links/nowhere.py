"""A link that leads nowhere: for asking a driver what it could do, without a device."""

from typing import NoReturn

from qst.errors import LinkOpenError


class NoLink:
    """Cannot be opened.

    Args:
        description: the URL that the station names.
    """

    def __init__(self, description: str) -> None:
        self.description = description

    def open(self) -> NoReturn:
        """Raises LinkOpenError."""
        raise LinkOpenError("this link was made for asking only", where=self.description)

    def write(self, data: bytes) -> None:  # noqa: ARG002 - the interface's name
        """Raises LinkOpenError."""
        self.open()

    def read(self, timeout_s: float) -> bytes:  # noqa: ARG002 - the interface's name
        """Raises LinkOpenError."""
        self.open()

    def read_available(self) -> bytes:
        """Nothing."""
        return b""

    def close(self) -> None:
        """Nothing to close."""
