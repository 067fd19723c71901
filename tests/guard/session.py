"""A visit in a process of its own, to be killed: ``python -m tests.guard.session run|resume ...``.

Says on its standard output, line by line, the states of its trial (``state ramp``) and the number of its guard's process
(``guard 4711``).
"""

import sys
from pathlib import Path

from qst.abort import AbortSwitch
from qst.record.records import VisitOutcome
from qst.rigs import guards
from qst.rigs.job import Job, Manner, ResumeRequest, VisitRequest, conduct, prepare_resume, prepare_visit
from qst.visit.operator import AutomaticOperator, LiveEvent, StateEntered
from qst_drivers.guard import GuardedLink

ATTENDED = Manner(speed="1", attended=True)


class TellingLink(GuardedLink):
    """Tells the number of its guard's process."""

    def open(self) -> None:
        super().open()
        say(f"guard {self.guard_pid}")


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def watch(event: LiveEvent) -> None:
    if isinstance(event, StateEntered):
        say(f"state {event.state}")


def main(arguments: list[str]) -> int:
    setattr(guards, "GuardedLink", TellingLink)  # noqa: B010 - the same, with a word to the test; mypy forbids it plainly
    job = made_job(arguments, AbortSwitch())
    result = conduct(job, AutomaticOperator(job.clock, None, watch))
    say(f"outcome {result.outcome.value}")
    return 0 if result.outcome is VisitOutcome.COMPLETED else 1


def made_job(arguments: list[str], abort: AbortSwitch) -> Job:
    if arguments[0] == "resume":
        return prepare_resume(ResumeRequest(log=arguments[1], manner=ATTENDED), abort)
    protocol, station, data = arguments[1:]
    return prepare_visit(
        VisitRequest(
            protocol=protocol,
            station=station,
            participant="P01",
            operator="op",
            data=str(Path(data)),
            manner=ATTENDED,
        ),
        abort,
    )


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
