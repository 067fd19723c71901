"""YAML 1.2 to a plain tree in which every value knows its line.

Built from ruamel.yaml's events, not from its constructors: no value is interpreted here (``0.3 °C/s``, ``1.0`` and
``no`` are all text), so there is nothing that an unsafe tag could construct. Tags, anchors and aliases are refused: a
protocol must read the same to everybody, and an alias can blow a small file up to any size.
"""

import re
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.reader import ReaderError

from qst.protocol.problems import Problems

_DEEPEST = 16


class Scalar(NamedTuple):
    """A text; ``plain`` when it stood there without quotes."""

    line: int
    text: str
    plain: bool


class Sequence(NamedTuple):
    """A list."""

    line: int
    items: "list[Node]"


class Mapping(NamedTuple):
    """Keys with their values, in the order of the file, duplicates included."""

    line: int
    entries: "list[tuple[Scalar, Node]]"


Node = Scalar | Sequence | Mapping


class _StopReading(Exception):  # noqa: N818 - control flow inside this module, never seen outside
    """The rest of the file cannot be understood."""


def read_tree(text: str, problems: Problems) -> Node | None:
    """The tree of a YAML text, or None after adding what is wrong to ``problems``."""
    if _has_tabs(text, problems):
        return None
    builder = _Builder(problems)
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            builder.take(event)
    except _StopReading:
        return None
    except (YAMLError, ValueError, OverflowError, RecursionError) as error:  # ValueError: an impossible escape
        _add_syntax(text, error, builder.line, problems)
        return None
    if builder.root is None and not len(problems):
        problems.add(1, "the file is empty", remedy="start from a shipped one; 'qst protocols' lists protocols")
    return builder.root


def _lines(text: str) -> list[str]:
    """Lines as YAML 1.2 counts them (``str.splitlines`` knows more kinds of line end)."""
    return re.split("\r\n|\r|\n", text)


def _has_tabs(text: str, problems: Problems) -> bool:
    found = False
    for number, line in enumerate(_lines(text), start=1):
        if "\t" in line[: len(line) - len(line.lstrip())] and line.strip():
            problems.add(number, "a tab in the indentation", text=line.strip(), remedy="indent with spaces only")
            found = True
    return found


def _add_syntax(text: str, error: Exception, last_line: int, problems: Problems) -> None:
    """Say in which line the parser stopped, and what stands there."""
    number, what = last_line, str(error)
    if isinstance(error, MarkedYAMLError):
        unclosed = "end of stream" in (error.problem or "")  # then the beginning is what helps
        mark = (unclosed and error.context_mark) or error.problem_mark or error.context_mark
        number = mark.line + 1 if mark is not None else last_line
        what = " ".join(part for part in (error.context, error.problem) if part)
    elif isinstance(error, ReaderError):
        number = len(_lines(text[: error.position]))
        what = f"the character U+{_code_point(error.character):04X} may not stand in a text file"
    elif isinstance(error, RecursionError):
        what = "nested too deeply"
    lines = _lines(text)
    number = min(number, len(lines))
    problems.add(
        number,
        f"not valid YAML: {what}",
        text=lines[number - 1].strip(),
        remedy="check indentation, colons and quotes here and in the line above",
    )


def _code_point(character: str | int) -> int:
    """What the reader calls a character is its number in some versions of ruamel.yaml."""
    return character if isinstance(character, int) else ord(character)


class _Builder:
    """Puts events together; one frame a container that is still open."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._open: list[tuple[Sequence | Mapping, list[Scalar]]] = []
        self._documents = 0
        self.root: Node | None = None
        self.line = 1

    def take(self, event: Any) -> None:  # noqa: ANN401 - ruamel.yaml does not type its events
        """One event of the parser."""
        self.line = event.start_mark.line + 1
        match event:
            case ScalarEvent():
                self._refuse_extras(event)
                self._place(Scalar(self.line, self._text(event.value), event.style is None))
            case MappingStartEvent():
                self._refuse_extras(event)
                self._enter(Mapping(self.line, []))
            case SequenceStartEvent():
                self._refuse_extras(event)
                self._enter(Sequence(self.line, []))
            case MappingEndEvent() | SequenceEndEvent():
                self._open.pop()
            case AliasEvent():
                self._stop(f"an alias (*{event.anchor})", "write the values out")
            case DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    self._stop("a second document (---)", "one file holds one document")
            case _:
                pass

    def _stop(self, what: str, remedy: str) -> None:
        self._problems.add(self.line, what, remedy=remedy)
        raise _StopReading

    def _refuse_extras(self, event: Any) -> None:  # noqa: ANN401 - ruamel.yaml does not type its events
        if event.anchor is not None:
            self._problems.add(self.line, f"an anchor (&{event.anchor})", remedy="write the values out")
        if event.tag is not None:
            self._problems.add(self.line, f"a tag ({event.tag})", remedy="these files have no tags; leave it out")

    def _text(self, text: str) -> str:
        if any("\ud800" <= character <= "\udfff" for character in text):
            self._stop("half of a surrogate pair", "write the character itself")
        return text

    def _enter(self, container: Sequence | Mapping) -> None:
        if len(self._open) >= _DEEPEST:
            self._stop("nested too deeply", "only a few levels are needed")
        self._place(container)
        self._open.append((container, []))

    def _place(self, node: Node) -> None:
        if not self._open:
            self.root = node
            return
        container, waiting = self._open[-1]
        if isinstance(container, Sequence):
            container.items.append(node)
        elif waiting:
            key = waiting.pop()
            empty = isinstance(node, Scalar) and node.plain and not node.text  # its mark is that of what follows
            container.entries.append((key, Scalar(key.line, "", plain=True) if empty else node))
        elif isinstance(node, Scalar):
            waiting.append(node)
        else:
            self._stop("a key that is not a word", "write 'key: value'")
