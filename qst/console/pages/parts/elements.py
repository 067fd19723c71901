"""Small elements that every screen is made of: text in the right tag, buttons with their key."""

from collections.abc import Callable
from typing import Any

from nicegui import ui
from nicegui.element import Element
from nicegui.elements.mixins.text_element import TextElement

#: How keys are called on the buttons.
_KEY_NAMES = {"Enter": "Enter", "Backspace": "⌫", " ": "Space"}


def text(tag: str, content: str, classes: str = "", **attributes: str) -> TextElement:
    """An element that holds a text."""
    element = TextElement(tag=tag, text=content)
    if classes:
        element.classes(classes)
    for name, value in attributes.items():
        element.props[name.replace("_", "-")] = value
    return element


def box(tag: str = "div", classes: str = "", **attributes: str) -> Element:
    """An element to put others into."""
    element = ui.element(tag)
    if classes:
        element.classes(classes)
    for name, value in attributes.items():
        element.props[name.replace("_", "-")] = value
    return element


def action(
    label: str,
    do: Callable[..., Any],
    *,
    key: str = "",
    kind: str = "",
    enabled: bool = True,
    pressed: bool | None = None,
    opens: bool = False,
    gives: str = "",
) -> Element:
    """A button with one key of its own; the key clicks the button, so both do the same.

    Args:
        label: what it does; also its name for screen readers.
        do: called when it is clicked, with nothing or with what ``gives`` says.
        key: as the browser calls it: ``r``, ``Enter``; shown on the button.
        kind: more classes: ``main``, ``small``, ``chosen``.
        enabled: a disabled one is shown and does nothing.
        pressed: for a button that is on or off.
        opens: whether it opens a line to type in; from its click on, letters are text and no commands.
        gives: an expression of the page's JavaScript; ``do`` gets its value.
    """
    button = box("button", f"act {kind}", type="button")
    if key:
        button.props["data-key"] = key
        button.props["aria-keyshortcuts"] = key
    if not enabled:
        button.props["disabled"] = True
    if pressed is not None:
        button.props["aria-pressed"] = str(pressed).lower()
    if opens:
        button.props["data-opens"] = True
    if gives:
        button.on("click", lambda event: do(event.args), js_handler=f"() => emit({gives})")
    else:
        button.on("click", lambda _: do())
    with button:
        text("span", label)
        if key:
            text("kbd", _KEY_NAMES.get(key, key), aria_hidden="true")
    return button


def field(
    label: str, value: str, changed: Callable[[str], Any], *, name: str, hint: str = "", takes_keys: bool = False
) -> Element:
    """A labelled line to type in; ``changed`` gets its text at every stroke.

    ``takes_keys``: while it is on the page, letters are text and no commands.
    """
    with box("label", "field"):
        text("span", label)
        line = box("input", name=name, autocomplete="off", spellcheck="false", placeholder=hint)
        if value:
            # The attribute, not the property: what somebody types is never overwritten by an update of the page.
            line.run_method("setAttribute", "value", value)
        if takes_keys:
            line.props["data-line"] = True
        line.on("input", lambda event: changed(str(event.args)), js_handler="(e) => emit(e.target.value)")
    return line


def choice(label: str, options: dict[str, str], value: str, changed: Callable[[str], Any], *, name: str) -> Element:
    """A labelled list to choose from; ``options`` by value."""
    with box("label", "field"):
        text("span", label)
        chooser = box("select", name=name)
        chooser.on("change", lambda event: changed(str(event.args)), js_handler="(e) => emit(e.target.value)")
        with chooser:
            for key, shown in options.items():
                option = text("option", shown, value=key)
                if key == value:
                    option.props["selected"] = True
    return chooser


def typed(label: str, done: Callable[[str], Any], *, name: str, hint: str = "", focused: bool = True) -> Element:
    """A line whose text is handed over with Enter. While it is on the page, letters are text and no commands.

    ``focused``: it takes the focus at once; without, at the first letter, so that no keyboard of a tablet's screen
    covers what can be chosen instead.
    """
    line = box("input", "typed", name=name, aria_label=label, autocomplete="off", placeholder=hint)
    line.props["data-line"] = True
    line.on(
        "keydown",
        lambda event: done(str(event.args)),
        js_handler="(e) => { if (e.key === 'Enter' && e.target.value.trim()) emit(e.target.value.trim()) }",
    )
    if focused:
        line.run_method("focus")
    return line
