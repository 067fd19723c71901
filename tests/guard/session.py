"""A visit in a process of its own, to be killed.

It says, through a pipe, the states of its trial (``state ramp``) and the number of its guard's process (``guard 4711``).
"""

from multiprocessing.connection import Connection
from pathlib import Path

from qst.abort import AbortSwitch
from qst.rigs import guards
from qst.rigs.job import Job, Manner, ResumeRequest, VisitRequest, conduct, prepare_resume, prepare_visit
from qst.visit.operator import AutomaticOperator, LiveEvent, StateEntered
from qst_drivers.guard import GuardedLink

ATTENDED = Manner(speed="1", attended=True)


def run(told: "Connection[str, str]", arguments: tuple[str, ...]) -> None:
    """``run PROTOCOL STATION DATA`` or ``resume LOG``, in this process."""

    class TellingLink(GuardedLink):
        """Tells the number of its guard's process."""

        def open(self) -> None:
            super().open()
            told.send(f"guard {self.guard_pid}")

    def watch(event: LiveEvent) -> None:
        if isinstance(event, StateEntered):
            told.send(f"state {event.state}")

    setattr(guards, "GuardedLink", TellingLink)  # noqa: B010 - the same, with a word to the test; mypy forbids it plainly
    job = made_job(arguments, AbortSwitch())
    result = conduct(job, AutomaticOperator(job.clock, None, watch))
    told.send(f"outcome {result.outcome.value}: {result.reason}")


def made_job(arguments: tuple[str, ...], abort: AbortSwitch) -> Job:
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
