"""Who looks on, who decides, and when nobody does any more."""

import pytest

from qst.clock import VirtualClock
from qst.console.views import COME_BACK_S, SILENT_S, Views


class Room:
    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.views = Views(self.clock)

    def later(self, seconds: float) -> None:
        self.clock.sleep(seconds)


@pytest.fixture
def room() -> Room:
    return Room()


def test_the_first_view_decides_and_others_look_on(room: Room) -> None:
    room.views.attach("a", "page-a")
    room.views.attach("b", "page-b")
    assert room.views.controls("page-a")
    assert not room.views.controls("page-b")
    assert room.views.others() == 1


def test_taking_over_is_explicit(room: Room) -> None:
    room.views.attach("a", "page-a")
    room.views.attach("b", "page-b")
    room.views.take_over("page-b")
    assert room.views.controls("page-b")
    assert not room.views.controls("page-a")
    room.views.take_over("nobody")
    assert room.views.controls("page-b")


def test_a_reloaded_page_goes_on_deciding(room: Room) -> None:
    before = room.views.attach("a", "page-1")
    room.views.attach("b", "page-b")
    room.views.detach(before)
    room.later(COME_BACK_S / 2)
    room.views.sweep()
    room.views.attach("a", "page-2")
    assert room.views.controls("page-2")
    assert not room.views.controls("page-1")


def test_the_old_connection_of_a_reloaded_page_takes_nothing_with_it(room: Room) -> None:
    before = room.views.attach("a", "page-1")
    room.views.detach(before)
    room.views.attach("a", "page-2")
    room.views.detach(before)
    room.later(COME_BACK_S * 2)
    assert not room.views.sweep()
    assert room.views.controls("page-2")


def test_a_duplicated_tab_is_another_view(room: Room) -> None:
    room.views.attach("a", "page-1")
    room.views.attach("a", "page-2")
    assert room.views.controls("page-1")
    assert not room.views.controls("page-2")
    assert room.views.others() == 1


def test_when_the_deciding_view_is_gone_nobody_decides_until_somebody_takes_over(room: Room) -> None:
    first = room.views.attach("a", "page-a")
    room.views.attach("b", "page-b")
    room.views.detach(first)
    room.later(COME_BACK_S + 1)
    assert room.views.sweep()
    assert not room.views.controls("page-b")
    room.views.take_over("page-b")
    assert room.views.controls("page-b")


def test_a_new_view_decides_when_nobody_else_does(room: Room) -> None:
    first = room.views.attach("a", "page-a")
    room.views.detach(first)
    room.later(COME_BACK_S + 1)
    room.views.sweep()
    room.views.attach("c", "page-c")
    assert room.views.controls("page-c")


def test_nobody_looks_on_once_the_last_view_does_not_come_back(room: Room) -> None:
    view = room.views.attach("a", "page-a")
    assert room.views.none_looks_on() == ""
    room.views.detach(view)
    room.later(COME_BACK_S - 0.5)
    room.views.sweep()
    assert room.views.none_looks_on() == ""
    room.later(1.0)
    room.views.sweep()
    assert "closed" in room.views.none_looks_on()


def test_a_page_that_is_busy_for_ten_seconds_still_looks_on(room: Room) -> None:
    room.views.attach("a", "page-a")
    room.later(10.0)
    assert room.views.none_looks_on() == ""
    room.later(SILENT_S - 10.0 + 0.5)
    assert "not answered" in room.views.none_looks_on()


def test_one_living_view_is_enough(room: Room) -> None:
    room.views.attach("a", "page-a")
    alive = room.views.attach("b", "page-b")
    room.later(SILENT_S + 1)
    room.views.heard(alive)
    assert room.views.none_looks_on() == ""
