"""One writer a log: a lock that ends with the process that holds it, however it ends."""

import io
import sys

if sys.platform == "win32":
    import msvcrt

    #: Far behind the end of any log, so that readers are not in its way.
    _BEHIND_EVERYTHING = 1 << 40

    def lock(file: io.RawIOBase) -> bool:
        """Take the lock on an open file. Returns False when somebody else holds it."""
        position = file.tell()
        file.seek(_BEHIND_EVERYTHING)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            file.seek(position)
        return True

else:
    import fcntl

    def lock(file: io.RawIOBase) -> bool:
        """Take the lock on an open file. Returns False when somebody else holds it."""
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
