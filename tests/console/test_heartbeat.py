"""A server that hangs with its pipes open: the engine notices, and notices nothing else."""

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from qst.console.heartbeat import LOOK_S, SIGN_S, SILENT_S, Heartbeat
from qst.console.messages import Asked, Entered, Finished, TakeNote
from qst.record.records import Note, Stop, VisitOutcome
from qst.visit.operator import PromptKind
from tests.console.engine import begun
from tests.console.one_page import one_page
from tests.console.running import PATIENCE_S
from tests.console.test_engine_process import in_ramp, the_log

LOOKS = round(SILENT_S / LOOK_S)
#: Slow enough for a heat ramp to outlast the silence by far.
SLOW = "4"


def heartbeat(*, on_skin: bool = True) -> Heartbeat:
    return Heartbeat(lambda: on_skin, lambda: None)


def test_silence_is_too_long_after_the_limit_and_every_sign_begins_it_anew() -> None:
    watch = heartbeat()
    assert [watch.look() for _ in range(LOOKS - 1)] == [False] * (LOOKS - 1)
    watch.heard()
    assert [watch.look() for _ in range(LOOKS)] == [False] * LOOKS
    assert watch.look()


def test_a_server_may_be_late_by_several_signs() -> None:
    assert SILENT_S >= 4 * SIGN_S


def test_the_servers_loop_gives_the_signs(tmp_path: Path) -> None:
    with one_page(tmp_path) as page:
        before = page.engine.signs_of_life
        page.lives_for(3 * SIGN_S)
        assert page.engine.signs_of_life - before >= 2


def test_silence_while_nothing_is_on_the_skin_is_nothing() -> None:
    watch = heartbeat(on_skin=False)
    assert not any(watch.look() for _ in range(10 * LOOKS))


def test_the_thread_that_looks_says_once_that_the_server_is_lost_and_ends_with_the_visit() -> None:
    lost: list[bool] = []
    watch = Heartbeat(lambda: True, lambda: lost.append(True))
    watch.watch()  # returns when it has said so
    assert lost == [True]
    other = heartbeat(on_skin=False)
    thread = threading.Thread(target=other.watch)
    thread.start()
    other.end()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()


def test_a_server_that_hangs_in_a_ramp_is_a_lost_console(tmp_path: Path) -> None:
    with begun(tmp_path, speed=SLOW) as engine:
        engine.wait_for(Entered, in_ramp)
        engine.fall_silent()
        assert engine.wait_for(Finished).outcome is VisitOutcome.INTERRUPTED
    log = the_log(tmp_path)
    assert [(record.cause, record.state) for record in log.records if isinstance(record, Stop)] == [
        ("console_lost", "ramp")
    ]
    notes = [record.text for record in log.records if isinstance(record, Note)]
    assert "the console has given no sign of life for 2 s" in notes


def test_a_server_that_hangs_while_a_question_stands_ends_nothing(tmp_path: Path) -> None:
    with begun(tmp_path) as engine:
        place = engine.wait_for(Asked, lambda event: event.kind is PromptKind.PLACE)
        engine.fall_silent()
        threading.Event().wait(SILENT_S + 4 * LOOK_S)
        engine.send(TakeNote(text="here again"))
        engine.answer(place)
        engine.wait_for(Entered, in_ramp)


def test_any_message_is_a_sign_of_life(tmp_path: Path) -> None:
    with begun(tmp_path, speed=SLOW) as engine:
        engine.wait_for(Entered, in_ramp)
        engine.fall_silent()
        for _ in range(2):
            threading.Event().wait(SILENT_S - 2 * LOOK_S)
            engine.send(TakeNote(text="still here"))
        assert not [record for record in the_log(tmp_path).records if isinstance(record, Stop)]


@pytest.mark.skipif(sys.platform == "win32", reason="no process can be stopped there by a signal")
def test_a_console_that_is_stopped_by_a_signal_leaves_no_ramp_running(tmp_path: Path) -> None:
    """The hub and the pipe as they are; the engine's parent is frozen, as by a debugger or a computer out of memory."""
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.console.serving", str(tmp_path), SLOW], stdout=subprocess.PIPE, encoding="utf-8"
    )
    assert server.stdout is not None
    try:
        for line in server.stdout:
            if re.search(r"state='ramp'", line):
                break
        os.kill(server.pid, signal.SIGSTOP)
        waited = threading.Event()
        for _ in range(int(PATIENCE_S / LOOK_S)):
            if the_log(tmp_path).ended:
                break
            waited.wait(LOOK_S)
        log = the_log(tmp_path)
    finally:
        os.kill(server.pid, signal.SIGCONT)
        server.kill()
        server.wait(PATIENCE_S)
        server.stdout.close()
    assert [record.cause for record in log.records if isinstance(record, Stop)] == ["console_lost"]
    assert log.outcome is VisitOutcome.INTERRUPTED


@pytest.mark.skipif(sys.platform == "win32", reason="there os.kill ends a process, whatever the number")
@pytest.mark.parametrize(
    ("name", "cause"), [("SIGTERM", "terminated"), ("SIGHUP", "terminal_closed"), ("SIGQUIT", "interrupt")]
)
def test_what_ends_the_engine_from_outside_ends_the_visit_safely(tmp_path: Path, name: str, cause: str) -> None:
    with begun(tmp_path, own_process=True, speed=SLOW) as engine:
        engine.wait_for(Entered, in_ramp)
        os.kill(engine.pid, getattr(signal, name))
        assert engine.wait_for(Finished).outcome is VisitOutcome.INTERRUPTED
        assert engine.end() == 0
    log = the_log(tmp_path)
    assert [record.cause for record in log.records if isinstance(record, Stop)] == [cause]
    assert log.ended
