"""The guard: a process of its own that owns the link to a device which does not return by itself.

::

    session ── bytes ──> guard process ── bytes ──> device
            ── arm, disarm, close ──>
            <── what the guard did ──

The session's bytes are its sign of life: while the guard is armed and none come for the time-out, or when the session's
process is gone, the guard sends the driver's safe script to the device. Why it is built like this: decision 0014.
"""

from qst_drivers.guard.link import GuardedLink

__all__ = ["GuardedLink"]
