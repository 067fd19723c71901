"""A simulated device behind a pseudo-terminal: a serial port without a cable. POSIX only."""

import contextlib
import os
import select
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

from qst.errors import InputError
from qst_simulators.server.address import PtyAddress
from qst_simulators.server.port import ByteDevice, Now, Source

if sys.platform != "win32":
    import termios
    import tty

_CHUNK = 65_536
#: How often to look whether a client has opened the terminal without saying anything, s.
_LOOK_S = 0.02


class PtyPort:
    """A pseudo-terminal whose other end clients may open and close as often as they like.

    The system tells the holder of one end when the *last* holder of the other has closed it, but not when somebody
    opens it. While no client is known, this port therefore holds the client's end open itself (so that nothing is
    reported and the terminal stays raw), takes the first byte as a client's coming, and lets go now and then to see
    whether a silent client is there. A device that is unplugged takes the terminal with it.

    Args:
        device: the device's byte side.
        address: with or without a symbolic link.
        now: time of the simulated world.

    Raises:
        InputError: there are no pseudo-terminals on this system, or the link's name is taken.
    """

    look_again_s: float | None = _LOOK_S

    def __init__(self, device: ByteDevice, address: PtyAddress, now: Now) -> None:
        if sys.platform == "win32":
            raise InputError(
                "Windows has no pseudo-terminals",
                remedy="use tcp://127.0.0.1:0, or serial:COMn with a pair of virtual serial ports",
            )
        self._device = device
        self._now = now
        self._link = address.link
        self._ours: int | None = None  # our end; None while the device is unplugged
        self._theirs: int | None = None  # the client's end, while we hold it
        self._name = ""
        self._attended = False
        self._plug_in()

    @property
    def address(self) -> str:
        """The terminal's path, or the link's; no path while the device is unplugged."""
        return f"pty:{self._link or self._name}"

    def sources(self) -> Sequence[Source]:
        """Our end."""
        return () if self._ours is None else (self._ours,)

    def serve(self, ready: Collection[Source]) -> None:
        """Hear, look who is there, speak."""
        if self._ours is None:
            self._plug_in_again()
        elif self._device.hung_up(self._now()):
            self._unplug()
        if self._ours is None:
            return
        if self._ours in ready:
            self._hear()
        elif not self._attended:
            self._look()
        if self._attended:
            self._speak()

    def wake_s(self) -> float | None:
        """When the device next has something to say to its client."""
        return self._device.next_transmit_s() if self._attended else None

    def close(self) -> None:
        """Take the terminal away."""
        self._unplug()

    # -- the terminal -------------------------------------------------------------------------------------------------

    def _plug_in(self) -> None:
        if sys.platform == "win32":
            return
        self._ours, self._theirs = os.openpty()
        self._name = os.ttyname(self._theirs)
        tty.setraw(self._theirs)
        os.set_blocking(self._ours, False)
        if self._link is not None:
            _point(self._link, self._name)

    def _plug_in_again(self) -> None:
        """Bring the terminal back once the device takes a connection again."""
        try:
            self._device.connect(self._now())
        except ConnectionRefusedError:
            return
        self._device.disconnect(self._now())
        self._plug_in()

    def _unplug(self) -> None:
        if self._ours is None:
            return
        self._part()
        for end in (self._ours, self._theirs):
            if end is not None:
                os.close(end)
        self._ours = self._theirs = None
        self._name = ""  # the system may give it to somebody else now
        if self._link is not None:
            self._link.unlink(missing_ok=True)

    def _take_their_end(self) -> None:
        """Hold the client's end; what an earlier client has not read is not for the next one."""
        if sys.platform == "win32":
            return
        self._theirs = os.open(self._name, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self._theirs)
        termios.tcflush(self._theirs, termios.TCIOFLUSH)

    def _let_go(self) -> None:
        if self._theirs is not None:
            os.close(self._theirs)
            self._theirs = None

    def _look(self) -> None:
        """Is a client there that has said nothing yet?"""
        if sys.platform == "win32" or self._ours is None:
            return
        self._let_go()
        watch = select.poll()
        watch.register(self._ours, select.POLLIN)
        events = watch.poll(0)
        if any(event & select.POLLHUP for _, event in events):
            self._theirs = os.open(self._name, os.O_RDWR | os.O_NOCTTY)
        else:
            self._meet()

    # -- the client ---------------------------------------------------------------------------------------------------

    def _meet(self) -> None:
        try:
            self._device.connect(self._now())
        except ConnectionRefusedError:
            self._unplug()
            return
        self._attended = True
        self._let_go()

    def _part(self) -> None:
        if self._attended:
            self._attended = False
            self._device.disconnect(self._now())

    def _hear(self) -> None:
        data = self._read()
        if data is None:
            self._part()
            self._take_their_end()
            return
        if data and not self._attended:
            self._meet()
        if data and self._attended:
            self._device.receive(data, self._now())

    def _read(self) -> bytes | None:
        """What has come; None when nobody holds the other end any more."""
        if self._ours is None:
            return b""
        try:
            return os.read(self._ours, _CHUNK) or None
        except BlockingIOError:
            return b""
        except OSError:  # EIO on Linux
            return None

    def _speak(self) -> None:
        data = self._device.transmit(self._now())
        if data and self._ours is not None:
            # What a client does not read in time is lost, as on a serial line.
            with contextlib.suppress(OSError):
                os.write(self._ours, data)


def _point(link: Path, target: str) -> None:
    """Make ``link`` point at the terminal. Raises InputError when something else has that name."""
    if link.is_symlink():
        link.unlink()
    try:
        link.symlink_to(target)
    except OSError as error:
        raise InputError(
            f"cannot make the link {link}: {error.strerror}", remedy="choose another name, or only pty:"
        ) from error
