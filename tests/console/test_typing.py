"""What a person types is text, what a person clicks is clicked once: keys and focus on the page that decides."""

from typing import Any

from qst.record.reader import read_log
from qst.record.records import Decision, Note
from tests.console.conftest import Bench
from tests.console.pages import assert_offers, begin, into_the_ramp, phase, to_the_placement, wait_for_text
from tests.console.test_robust import stops

#: A word that fits into no line.
LONG = "x" * 300
_LINE = "input[name=reason]"


def notes(bench: Bench) -> list[str]:
    (path,) = bench.console.logs()
    return [record.text for record in read_log(path).records if isinstance(record, Note)]


def decisions(bench: Bench) -> list[tuple[str, str]]:
    (path,) = bench.console.logs()
    return [(str(one.decision), one.reason) for one in read_log(path).records if isinstance(one, Decision)]


def typed(page: Any, opener: str, text: str, line: str = _LINE) -> None:
    """Press the key that opens a line, or click it, and type at once, as a person who does not look."""
    if len(opener) == 1:
        page.keyboard.press(opener)
    else:
        page.click(f"button:has-text('{opener}')")
    page.keyboard.type(text)
    page.wait_for_function("([line, text]) => document.querySelector(line)?.value === text", arg=[line, text])


def gone(page: Any, selector: str = _LINE) -> None:
    page.wait_for_selector(selector, state="detached")


#: As if the space bar were the participant's button; what the page says of it goes nowhere.
SPACE = """() => { window.said = [];
  QST.picture.button = " ";
  QST.listeners.push((picture) => { picture.button = " "; });
  const send = QST.socket.send.bind(QST.socket);
  QST.socket.send = (text) => text.includes("button") ? window.said.push(JSON.parse(text).kind) : send(text); }"""


def assert_space_is_a_button_or_a_letter(page: Any) -> None:
    """The participant's where nothing is typed; released in any case."""
    page.evaluate(SPACE)
    page.keyboard.press(" ")
    assert page.evaluate("window.said") == ["button-down", "button-up"]
    typed(page, "n", "a b")
    page.keyboard.press(" ")
    assert page.evaluate("window.said.length") == 2
    page.evaluate("QST.listeners.pop() && (QST.picture.button = '')")
    page.click("button:has-text('Back')")
    gone(page)


def test_what_is_typed_is_text_and_no_command(bench: Bench) -> None:
    page = bench.open_page()
    begin(page, speed="10")
    to_the_placement(page)
    typed(page, "n", f"wet palm, pressed {LONG}")  # nothing waits until the line is there
    page.keyboard.press("Enter")
    gone(page)
    typed(page, "Skin check", "warm, w p r k x n a .")
    page.keyboard.press("Enter")
    gone(page)
    typed(page, "Checklist", "w paracetamol", "input[name=line-1]")
    page.click("button:has-text('Record')")
    gone(page, "input[name=line-1]")
    assert phase(page) == "running"
    assert_offers(page, "placing")
    assert_space_is_a_button_or_a_letter(page)
    # Caps Lock takes no key away; a digit chooses as long as nothing is typed, and Backspace leads back from there.
    page.keyboard.press("N")
    page.wait_for_selector(_LINE)
    page.keyboard.type("12")
    page.keyboard.press("Backspace")
    page.keyboard.press("Backspace")
    assert page.input_value(_LINE) == ""
    page.keyboard.press("Backspace")
    gone(page)
    page.keyboard.press("R" if page.text_content(".where .side") == "RIGHT" else "L")
    page.wait_for_selector("button.main:has-text('Start'):not([disabled])")
    page.keyboard.press("Enter")
    page.wait_for_selector("body[data-state=ramp]")
    page.keyboard.press("Escape")
    wait_for_text(page, ".result", "operator stop")
    page.keyboard.press("r")
    page.wait_for_selector("button:has-text('disturbed')")
    page.keyboard.type("was moving 2 cm")  # a "w" on a page where nothing has the focus
    assert page.input_value(_LINE) == "was moving 2 cm"
    page.keyboard.press("Enter")
    to_the_placement(page)
    assert decisions(bench) == [("invalid", "was moving 2 cm")]
    assert stops(bench) == ["operator_stop"]
    assert notes(bench)[-3:] == [
        f"wet palm, pressed {LONG}", "skin check: warm, w p r k x n a .", "checklist: Pain relief taken today: w paracetamol",
    ]  # fmt: skip
    page.keyboard.press("W")  # and a command where there is no line
    page.wait_for_selector("h2:has-text('In the log')")
    assert stops(bench) == ["operator_stop", "participant_withdrew"]
    assert LONG in page.text_content(".finish")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_click_is_not_pressed_again_by_the_next_enter(bench: Bench) -> None:
    page = bench.open_page()
    begin(page, speed="1")
    into_the_ramp(page)
    page.click("#stopbar [data-stop=operator_stop]")
    wait_for_text(page, ".result", "operator stop")
    for key in ("r", "5"):
        page.keyboard.press(key)
        page.wait_for_selector("button:has-text('disturbed')", state="attached" if key == "r" else "detached")
    to_the_placement(page)
    page.keyboard.press("r" if page.text_content(".where .side") == "RIGHT" else "l")
    page.wait_for_selector("button.main:has-text('Start'):not([disabled])")
    page.click("button#sound")
    page.focus("#stopbar [data-stop=estop]")  # walked to, and then the mouse is taken
    page.click("#stopbar [data-say=pause]")
    wait_for_text(page, "#stop-seen", "A pause is asked for")
    assert page.evaluate("document.activeElement === document.body")
    page.keyboard.press("Enter")
    wait_for_text(page, ".now", "The visit is paused")
    page.keyboard.press("Enter")
    to_the_placement(page)
    assert stops(bench) == ["operator_stop"]
    assert page.text_content("#stop-seen") == ""
    # Who walks to a stop still presses it, once: Enter then answers the question.
    page.keyboard.press("r" if page.text_content(".where .side") == "RIGHT" else "l")
    page.wait_for_selector("button.main:has-text('Start'):not([disabled])")
    page.keyboard.press("Enter")
    page.wait_for_selector("body[data-state=ramp]")
    page.focus("#stopbar [data-stop=operator_stop]")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    wait_for_text(page, ".result", "operator stop")
    assert phase(page) == "running"
    assert stops(bench) == ["operator_stop", "operator_stop"]
