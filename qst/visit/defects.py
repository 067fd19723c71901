"""What nobody foresaw: an exception that no driver, no reading and no code of the suite may raise.

Such a defect must not be what hides itself: the instruments are made safe, and what happened stands in the log and
before the operator like every other fault. The visit ends with it, for nobody knows what else is wrong.
"""

import traceback
from pathlib import PurePath

from qst.errors import DefectError


def unforeseen(error: Exception) -> DefectError:
    """The defect as a person reads it. Where it came from is kept as its cause, for whoever mends it."""
    frames = traceback.extract_tb(error.__traceback__)
    # The file's name and no more: folders tell who works at this computer.
    where = f"{PurePath(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""
    defect = DefectError(
        f"a defect of the program: {type(error).__name__}: {error}",
        where=where,
        remedy="Look at participant and instruments. Report this message with the visit's log to whoever maintains "
        "the program; 'qst resume' goes on with the visit.",
    )
    defect.__cause__ = error
    return defect
