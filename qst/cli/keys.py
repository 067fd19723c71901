"""Single keys from the terminal, on Windows and elsewhere, without disturbing what is drawn.

On POSIX the terminal is put into cbreak mode: keys come at once and are not echoed, while output and Ctrl-C stay as
they are (raw mode would stop the terminal from returning to the start of the line, and break every drawn picture).
Ctrl-S is a key like others and does not hold up the picture.
"""

import contextlib
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from qst.errors import InputError

ESCAPE = "\x1b"
_LONGEST_READ = 64


#: An arrow or function key sends one of these; Esc alone sends its first character only.
_KEY = re.compile(r"\x1b[\[O][0-9;]*[A-Za-z~]|.", re.DOTALL)


def split_keys(text: str) -> list[str]:
    """What was read at once, as keys: an escape sequence is one key, everything else is one key a character."""
    return _KEY.findall(text)


def require_terminal() -> None:
    """Raise InputError when there is no terminal to read keys from."""
    if not sys.stdin.isatty():
        raise InputError(
            "there is no terminal for the operator's keys",
            did="connected nothing",
            remedy="run it in a terminal, or, on a simulated station, with --auto",
        )


@contextmanager
def single_keys() -> Iterator[Callable[[], list[str]]]:
    """Give a function that waits for keys and returns them. It raises EOFError when the terminal is gone.

    Raises:
        InputError: there is no terminal.
    """
    require_terminal()
    if sys.platform == "win32":
        yield _windows_keys
    else:
        with _cbreak() as read:
            yield read


if sys.platform == "win32":
    import msvcrt

    def _windows_keys() -> list[str]:
        key = msvcrt.getwch()
        if key in ("\x00", "\xe0"):  # a function or arrow key: its second half says which
            return [f"{ESCAPE}{msvcrt.getwch()}"]
        return [key]

else:
    import termios
    import tty

    @contextmanager
    def _cbreak() -> Iterator[Callable[[], list[str]]]:
        number = sys.stdin.fileno()
        before = termios.tcgetattr(number)
        tty.setcbreak(number)
        changed = termios.tcgetattr(number)
        changed[0] &= ~termios.IXON
        termios.tcsetattr(number, termios.TCSADRAIN, changed)

        def read() -> list[str]:
            data = os.read(number, _LONGEST_READ)
            if not data:
                raise EOFError
            return split_keys(data.decode("utf-8", errors="ignore"))

        try:
            yield read
        finally:
            with contextlib.suppress(termios.error):  # the terminal is gone
                termios.tcsetattr(number, termios.TCSADRAIN, before)
