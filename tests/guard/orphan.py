"""A session that dies: ``python -m tests.guard.orphan URL REPORTS armed|disarmed|never``; tells its guard's process."""

import os
import sys
from pathlib import Path

from qst.abort import AbortSwitch
from qst.clock import RealClock
from qst.instruments import SafeStep
from qst_drivers.guard import GuardedLink

if __name__ == "__main__":
    url, reports, state = sys.argv[1:]
    link = GuardedLink(url, RealClock(), AbortSwitch(), Path(reports))
    link.open()
    if state != "never":
        link.arm((SafeStep(b"safe\n"),), 2.0)
    if state == "disarmed":
        link.disarm()
    sys.stdout.write(f"{link.guard_pid}\n")
    sys.stdout.flush()
    os._exit(9)
