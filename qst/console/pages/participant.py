"""The participant's window: what to do, in large words, and no number, site or result."""

from qst.console.pages.parts.elements import box, text


def participant_page() -> None:
    """Build the participant's page; its script fills it."""
    with box("main", "scene", aria_live="polite"):
        text("h1", "Welcome", id="scene-title")
        text("p", "", id="scene-text")
