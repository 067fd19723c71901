"""What a technician does on the page, by mouse."""

from typing import Any

from tests.console.one_page import documented
from tests.console.running import PATIENCE_S

#: On every run screen, whatever its state.
ALWAYS = {"Note", "Adverse event", "Skin check", "Checklist", "Sound", "Show earlier values"}
_VISIBLE = """() => Object.fromEntries([...document.querySelectorAll("main button, main input")]
  .filter((one) => one.offsetParent)
  .map((one) => [one.tagName === "INPUT" ? "a line to type in" : one.firstChild.textContent, !one.disabled]))"""

#: A bench computer's screen, and two tablets.
SIZES = ((1024, 768), (1280, 800), (1366, 768))
_OUT_OF_SIGHT = """() => {
  scrollTo(0, 0);
  const bar = document.getElementById("stopbar").getBoundingClientRect();
  const bottom = bar.height ? bar.top : innerHeight;
  return [...document.querySelectorAll(".answers button, .answers input, .begin > *")]
    .filter((one) => {
      const box = one.getBoundingClientRect();
      const there = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
      return box.top < 0 || box.bottom > bottom || box.right > innerWidth || !one.contains(there);
    })
    .map((one) => one.textContent || one.name);
}"""

#: Fast enough for a test, slow enough for a loaded computer.
SPEED = "60"


def choose(
    page: Any, *, participant: str = "P01", protocol: str = "demo-quick", station: str = "default", speed: str = SPEED
) -> None:
    """Fill in the start screen for a simulated visit."""
    page.select_option("select[name=protocol]", protocol)
    page.select_option("select[name=station]", station)
    page.fill("input[name=participant]", participant)
    page.fill("input[name=operator]", "op1")
    page.check("input[value=simulated]")
    page.select_option("select[name=speed]", speed)


def begin(page: Any, **chosen: str) -> None:
    """Choose a simulated visit and begin it."""
    choose(page, **chosen)
    page.click("button.main:has-text('Begin the simulated visit'):not([disabled])")
    page.wait_for_selector("body[data-phase=running]")


def phase(page: Any) -> str:
    return str(page.evaluate("document.body.dataset.phase || ''"))


def place(page: Any) -> None:
    """Name the side that the page shows, and start."""
    side = page.text_content(".where .side")
    page.click(f"button:has-text('It is on the {side}')")
    page.click("button.main:has-text('Start'):not([disabled])")


def next_question(page: Any) -> str:
    """Wait for the next question; gives the label of its main button, or ``ended``."""
    page.wait_for_function(
        "document.body.dataset.phase === 'ended' || document.querySelector('section button.act.main')",
        timeout=PATIENCE_S * 1000,
    )
    if phase(page) == "ended":
        return "ended"
    return str(page.evaluate("document.querySelector('section button.act.main > span')?.textContent || ''"))


def to_the_end(page: Any) -> list[str]:
    """Answer every question as suggested until the visit ends; gives the labels of the buttons pressed."""
    pressed = []
    while (label := next_question(page)) != "ended":
        pressed.append(label)
        if label == "Start":
            place(page)
        else:
            page.click(f"button.main:has-text('{label}')")
        # The answer has gone out when this very button is gone.
        page.wait_for_function(
            "label => document.querySelector('section button.act.main > span')?.textContent !== label", arg=label
        )
    return pressed


def to_the_placement(page: Any) -> None:
    """Answer what comes before the first trial."""
    while (label := next_question(page)) != "Start":
        if label == "Done":
            page.click("button.main:has-text('Done')")
        # It has gone out when this button is gone; whatever else stands there is an answered question on its way out.
        page.wait_for_function(
            "label => document.querySelector('section button.act.main > span')?.textContent !== label", arg=label
        )


def into_the_ramp(page: Any) -> None:
    """Set up, start the first trial and wait for its ramp."""
    to_the_placement(page)
    place(page)
    page.wait_for_selector("body[data-state=ramp]")


def tab_to(page: Any, selector: str) -> None:
    """Walk with the Tab key until this element has the focus."""
    for _ in range(60):
        if page.evaluate("selector => document.activeElement?.matches(selector)", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the Tab key does not reach {selector}")


def wait_for_text(page: Any, selector: str, text: str) -> None:
    """Wait until an element holds a text."""
    page.wait_for_function(
        "([selector, text]) => document.querySelector(selector)?.textContent.includes(text)", arg=[selector, text]
    )


def assert_accessible(page: Any, screen: str) -> None:
    """No serious finding of the axe rules, in light and in dark."""
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415 - only where there is a browser

    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function("dark => document.body.classList.contains('body--dark') === dark", arg=scheme == "dark")
        found = Axe().run(page).response["violations"]
        serious = [
            (one["id"], [node["html"] for node in one["nodes"]])
            for one in found
            if one["impact"] in ("serious", "critical")
        ]
        assert serious == [], f"{screen}, {scheme}"


def assert_in_sight(page: Any, screen: str) -> None:
    """What can be answered is seen without scrolling, on every screen that a bench has."""
    assert page.query_selector(".answers button, .answers input, .begin button"), f"{screen}: nothing to answer"
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate(_OUT_OF_SIGHT) == [], (screen, width, height)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (screen, width, height)


def assert_offers(page: Any, state: str) -> None:
    """What can be used on the page is what docs/console.md says of this state."""
    wanted = {cell.strip("()"): not cell.startswith("(") for cell in documented()[state]}
    visible = page.evaluate(_VISIBLE)
    offered = {label.removeprefix("✓ "): usable for label, usable in visible.items() if label not in ALWAYS}
    assert offered == wanted, state
    assert phase(page) != "running" or visible.keys() >= ALWAYS, state
