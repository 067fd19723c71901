"""What a reply means for the driver: listening, running, refused, faulty. No input or output."""

from qst.errors import InstrumentFaultError, NotReadyError
from qst_drivers.wire.mms import Command, ReturnCode, SystemState, TestState
from qst_drivers.wire.mms_reply import Reply

# A refusal of the status itself is not documented and harms nobody; the states in the reply count.
_HARMLESS = frozenset(
    {
        *(ReturnCode.OK, ReturnCode.ILLEGAL_ARG, ReturnCode.ILLEGAL_STATE, ReturnCode.ILLEGAL_TEST_STATE),
        *(ReturnCode.SAFETY_WARNING, ReturnCode.WAITING_MANUAL_OPERATION),
    }
)
# A warning lets the test go on; a wait for the operator shows in the states that follow.
_OBEYED = frozenset({ReturnCode.OK, ReturnCode.SAFETY_WARNING, ReturnCode.WAITING_MANUAL_OPERATION})
_FAULT_REMEDY: dict[int, str] = {
    ReturnCode.SAFETY_ERROR: "Take the thermode off the skin. Find the cause, then run the self-test in MMS.",
    ReturnCode.DEVICE_COMM_ERROR: "Take the thermode off the skin. Check that the device is on and its cable is in.",
}
_SYSTEM_VALUES = frozenset(int(state) for state in SystemState)
_TEST_VALUES = frozenset(int(state) for state in TestState)


def is_listening(reply: Reply) -> bool:
    """Whether MMS waits for a program to be selected."""
    return reply.system_state == SystemState.READY and reply.test_state == TestState.IDLE


def is_selected(reply: Reply) -> bool:
    """Whether a test is open that waits for a START."""
    return reply.system_state == SystemState.TEST and reply.test_state == TestState.READY


def is_running(reply: Reply) -> bool:
    """Whether a test is open that STOP would end; one that is being finalised is over already."""
    return reply.system_state == SystemState.TEST and reply.test_state != TestState.IDLE


def state_text(reply: Reply) -> str:
    """System and test state for a person; unknown ones as numbers."""
    system = SystemState(reply.system_state).name if reply.system_state in _SYSTEM_VALUES else str(reply.system_state)
    test = TestState(reply.test_state).name if reply.test_state in _TEST_VALUES else str(reply.test_state)
    return f"system {system}, test {test}"


def refuse_faults(reply: Reply, where: str) -> None:
    """Raise InstrumentFaultError for a reply that reports a fault, or a code that no document explains."""
    code = reply.return_code
    if code in _HARMLESS:
        return
    raise InstrumentFaultError(
        f"MMS reports {reply.code_name} {reply.text}".rstrip() + f" ({state_text(reply)})",
        where=where,
        remedy=_FAULT_REMEDY.get(code, "Look at MMS, note this code, and ask Medoc what it means."),
    )


def require_listening(reply: Reply, where: str) -> None:
    """Raise NotReadyError unless MMS is listening."""
    if is_listening(reply):
        return
    if reply.system_state == SystemState.TEST:
        remedy = "A test is open in MMS. Stop it there, and wait until MMS listens again."
    else:
        remedy = "In MMS choose a patient and press Go to Test, with External Control ticked and TCP chosen."
    raise NotReadyError(f"MMS is not listening ({state_text(reply)})", where=where, remedy=remedy)


def require_obeyed(reply: Reply, command: Command, where: str) -> None:
    """Raise InstrumentFaultError for a fault, NotReadyError for a refusal."""
    if reply.return_code in _OBEYED:
        return
    refuse_faults(reply, where)
    raise NotReadyError(
        f"MMS refused {command.name}: {reply.code_name} {reply.text}".rstrip() + f" ({state_text(reply)})",
        where=where,
        remedy="Check that the program's word in the station file is the one in MMS's list.",
    )


def abort_failure(reply: Reply, where: str) -> InstrumentFaultError | None:
    """None when the reply to ABORT shows that no test runs: aborted now, or nothing was there to abort."""
    if reply.return_code == ReturnCode.DEVICE_COMM_ERROR:
        return InstrumentFaultError("MMS has lost its device", where=where)
    if reply.system_state == SystemState.TEST:
        return InstrumentFaultError(f"the test goes on after ABORT ({state_text(reply)})", where=where)
    return None
