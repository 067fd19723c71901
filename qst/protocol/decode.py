"""From a YAML tree to the types of :mod:`qst.protocol.model`, with every problem and its line.

The conversion that msgspec brings stops at the first problem and knows no lines; this walks along msgspec's description
of the types instead, so that the types stay the only place that says what a file may hold.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from msgspec import inspect

from qst import sites, units
from qst.errors import InputError
from qst.protocol.problems import Problems, did_you_mean
from qst.protocol.tree import Mapping, Node, Scalar, Sequence

#: Stands for a value that has a problem; what contains it has one, too.
BAD: Final = object()

Path = tuple[str | int, ...]
_INTEGER = re.compile(r"[-+]?\d{1,9}")
_DECIMAL = re.compile(r"[-+]?\d{1,9}\.\d{1,9}")
_BOOLEANS = {"true": True, "false": False}
_NOTHING = ("", "~", "null", "Null", "NULL")


class Decoder:
    """Walks along types and a tree at once.

    Args:
        problems: takes what is wrong.
        check: called with every struct that could be built and its path; adds what is wrong with its meaning.
    """

    def __init__(self, problems: Problems, check: Callable[[Any, Path, "Decoder"], None]) -> None:
        self.problems = problems
        self._check = check
        self._places: dict[Path, tuple[int, str]] = {}

    def complain(self, path: Path, what: str, remedy: str) -> None:
        """Add a problem at the line of ``path``, or of the nearest thing around it that stands in the file."""
        while path not in self._places:
            path = path[:-1]
        line, text = self._places[path]
        self.problems.add(line, what, text=text, remedy=remedy)

    def line(self, path: Path) -> int:
        """Line of a value that was read."""
        return self._places[path][0]

    def value(self, node: Node, kind: Any, path: Path) -> Any:  # noqa: ANN401 - any type of the model
        """The value of a node as the described type, or BAD."""
        self._places[path] = (node.line, f"{path[-1]}: {node.text}" if path and isinstance(node, Scalar) else "")
        extra: dict[str, Any] = {}
        while True:
            if isinstance(kind, inspect.Metadata):
                extra |= kind.extra or {}
                kind = kind.type
            elif isinstance(kind, inspect.UnionType) and (single := _without_none(kind)) is not None:
                kind = single
            else:
                break
        if isinstance(kind, inspect.StructType | inspect.UnionType):
            return self._struct(node, kind, path)
        if "sites" in extra:
            return self._sites(node, path)
        if isinstance(kind, inspect.DictType):
            return self._free(node, path)
        if isinstance(kind, inspect.VarTupleType):
            return self._tuple(node, kind, path)
        return self._scalar(node, kind, extra, path)

    def _struct(self, node: Node, kind: Any, path: Path) -> Any:  # noqa: ANN401 - any struct of the model
        if not isinstance(node, Mapping):
            self.problems.add(
                node.line, f"{_name(path)} must hold keys", text=_shown(node), remedy="write 'key: value'"
            )
            return BAD
        struct = self._choose(node, kind, path) if isinstance(kind, inspect.UnionType) else kind
        if struct is None:
            return BAD
        values = self._fields(node, struct, path)
        complete = self._complete(node, struct, values, path)
        if not complete or any(value is BAD for value in values.values()):
            return BAD
        built = struct.cls(**values)
        self._check(built, path, self)
        return built

    def _choose(self, node: Mapping, kind: inspect.UnionType, path: Path) -> inspect.StructType | None:
        """The struct of a union that the file's tag names."""
        structs = {str(struct.tag): struct for struct in kind.types if isinstance(struct, inspect.StructType)}
        tag_field = str(next(iter(structs.values())).tag_field)
        for key, value in node.entries:
            if key.text == tag_field:
                text = value.text if isinstance(value, Scalar) else ""
                if text not in structs:
                    self.problems.add(
                        value.line, f"unknown {tag_field} '{_shown(value)}'", remedy=did_you_mean(text, structs)
                    )
                return structs.get(text)
        self.problems.add(
            node.line, f"{_name(path)} has no '{tag_field}'", remedy=f"write {tag_field}: {' | '.join(structs)}"
        )
        return None

    def _fields(self, node: Mapping, struct: inspect.StructType, path: Path) -> dict[str, Any]:
        fields = {field.encode_name: field for field in struct.fields}
        known = [*([str(struct.tag_field)] if struct.tag_field else []), *fields]
        values: dict[str, Any] = {}
        seen: dict[str, int] = {}
        for key, value in node.entries:
            if key.text in seen:
                self.problems.add(
                    key.line,
                    f"'{key.text}' stands here twice (first in line {seen[key.text]})",
                    remedy="keep one of them",
                )
            elif key.text in fields:
                field = fields[key.text]
                values[field.name] = self.value(value, field.type, (*path, key.text))
            elif key.text not in known:
                self.problems.add(
                    key.line, f"unknown key '{key.text}'", remedy=did_you_mean(key.text, known, always="keys here")
                )
            seen.setdefault(key.text, key.line)
        return values

    def _complete(self, node: Mapping, struct: inspect.StructType, values: dict[str, Any], path: Path) -> bool:
        missing = [field.encode_name for field in struct.fields if field.required and field.name not in values]
        for name in missing:
            self.problems.add(node.line, f"{_name(path)} has no '{name}'", remedy=f"add '{name}: …'")
        return not missing

    def _tuple(self, node: Node, kind: inspect.VarTupleType, path: Path) -> Any:  # noqa: ANN401 - any type of the model
        if not isinstance(node, Sequence):
            self.problems.add(
                node.line, f"{_name(path)} must be a list", text=_shown(node), remedy="write '- …' for each entry"
            )
            return BAD
        if len(node.items) < (kind.min_length or 0):
            self.problems.add(node.line, f"{_name(path)} is an empty list", remedy="write '- …' for each entry")
            return BAD
        items = [self.value(item, kind.item_type, (*path, number)) for number, item in enumerate(node.items)]
        return BAD if any(item is BAD for item in items) else tuple(items)

    def _free(self, node: Node, path: Path) -> Any:  # noqa: ANN401 - whatever a person wrote, or BAD
        """A mapping with keys of its own: plain numbers and true/false as such, everything else as text."""
        if not isinstance(node, Mapping):
            self.problems.add(
                node.line, f"{_name(path)} must hold keys", text=_shown(node), remedy="write 'key: value'"
            )
            return BAD
        return _plain(node)

    def _sites(self, node: Node, path: Path) -> Any:  # noqa: ANN401 - a tuple of codes, or BAD
        items = node.items if isinstance(node, Sequence) else [node]
        codes: list[str] = []
        bad = not items
        for item in items:
            text = self._text(item, path)
            try:
                codes += [site.code for site in sites.find_sites(text)] if isinstance(text, str) else []
            except InputError as error:
                self.problems.add_error(item.line, error)
                bad = True
            bad = bad or text is BAD
        if not items:
            self.problems.add(node.line, f"{_name(path)} is an empty list", remedy="name at least one site")
        for code in sorted({code for code in codes if codes.count(code) > 1}):
            self.problems.add(node.line, f"site '{code}' is named twice", remedy="use 'repeats' for more trials there")
            bad = True
        return BAD if bad else tuple(codes)

    def _text(self, node: Node, path: Path) -> Any:  # noqa: ANN401 - a text, or BAD
        if not isinstance(node, Scalar):
            self.problems.add(node.line, f"{_name(path)} must be one value", remedy="write the value behind the colon")
            return BAD
        if node.plain and node.text in _NOTHING:
            self.problems.add(node.line, f"{_name(path)} has no value", remedy="write one, or leave the key out")
            return BAD
        return node.text

    def _scalar(self, node: Node, kind: Any, extra: dict[str, Any], path: Path) -> Any:  # noqa: ANN401 - any scalar
        text = self._text(node, path)
        if text is BAD:
            return BAD
        try:
            return _convert(text, kind, extra, _name(path))
        except InputError as error:
            self.problems.add_error(node.line, error, text=f"{path[-1]}: {text}" if path else text)
            return BAD


def _plain(node: Node) -> Any:  # noqa: ANN401 - whatever a person wrote
    if isinstance(node, Mapping):
        return {key.text: _plain(value) for key, value in node.entries}
    if isinstance(node, Sequence):
        return [_plain(item) for item in node.items]
    if node.plain and node.text in _BOOLEANS:
        return _BOOLEANS[node.text]
    if node.plain and _DECIMAL.fullmatch(node.text):
        return float(node.text)
    return int(node.text) if node.plain and _INTEGER.fullmatch(node.text) else node.text


def _convert(text: str, kind: Any, extra: dict[str, Any], name: str) -> Any:  # noqa: ANN401 - any scalar of the model
    """A text as a scalar type. Raises InputError."""
    if "kind" in extra:
        return units.parse(text, extra["kind"])
    if "site" in extra:
        return sites.find_site(text).code
    if "rounding" in extra:
        return _rounding(text)
    words = extra.get("words") or _words(kind)
    if words:
        return _word(text, words, name)
    return _integer(text, kind, name) if isinstance(kind, inspect.IntType) else _string(text, kind, name)


def _words(kind: Any) -> dict[str, Any]:  # noqa: ANN401 - any scalar of the model
    """The only words that a type allows; empty when it allows others."""
    if isinstance(kind, inspect.EnumType):
        return {str(member.value): member for member in kind.cls}
    if isinstance(kind, inspect.LiteralType):
        return {str(value): value for value in kind.values}
    return {"true": True, "false": False} if isinstance(kind, inspect.BoolType) else {}


def _word(text: str, words: dict[str, Any], name: str) -> Any:  # noqa: ANN401 - any value a word stands for
    if text not in words:
        raise InputError(f"unknown {name} '{text}'", remedy=did_you_mean(text, words))
    return words[text]


def _integer(text: str, kind: inspect.IntType, name: str) -> int:
    bounds = f"a whole number from {kind.ge} to {kind.le}"
    if not _INTEGER.fullmatch(text):
        raise InputError(f"{name} is not a whole number", remedy=f"write {bounds}")
    number = int(text)
    if (kind.ge is not None and number < kind.ge) or (kind.le is not None and number > kind.le):
        raise InputError(f"{name} is out of range", remedy=f"write {bounds}")
    return number


def _string(text: str, kind: inspect.StrType, name: str) -> str:
    if kind.max_length is not None and len(text) > kind.max_length:
        raise InputError(f"{name} is longer than {kind.max_length} characters", remedy="shorten it")
    if len(text.strip()) < (kind.min_length or 0):
        raise InputError(f"{name} is empty", remedy="write a text")
    if kind.pattern is not None and not re.fullmatch(kind.pattern, text):
        raise InputError(f"{name} is not an identifier", remedy="use letters, digits, - and _, and begin with a letter")
    return text


def _rounding(text: str) -> str:
    """``"0.1 kg/cm²"`` as ``"0.1 kgf/cm2"``: the step's decimal text and the display unit's UCUM code."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(\S.*?)\s*", text)
    spelling = re.sub(r"\s+", "", units.normalise(match[2])) if match else ""
    unit = _ROUNDING_UNITS.get(spelling)
    if match is None or unit is None or not Decimal(match[1]):
        raise InputError(
            "not a step of rounding", remedy="write a step with its unit, such as '0.1 kg/cm²' or '0.01 °C'"
        )
    return f"{match[1]} {unit}"


_ROUNDING_UNITS = {
    **dict.fromkeys(("°C", "degC", "C", "Cel"), "Cel"),
    **dict.fromkeys(("kg/cm2", "kgf/cm2"), "kgf/cm2"),
    "kPa": "kPa",
    "N/cm2": "N/cm2",
}


def _without_none(kind: inspect.UnionType) -> Any:  # noqa: ANN401 - any type of the model
    """The other type of ``X | None``; None for a union of structs."""
    others = [member for member in kind.types if not isinstance(member, inspect.NoneType)]
    return others[0] if len(others) == 1 else None


def _name(path: Path) -> str:
    """How a message names a place: ``'rate'``, ``stimuli 2``, or the file."""
    if not path:
        return "the file"
    if isinstance(path[-1], int):
        return f"{path[-2]} {path[-1] + 1}"
    return f"'{path[-1]}'"


def _shown(node: Node) -> str:
    return node.text if isinstance(node, Scalar) else "a list" if isinstance(node, Sequence) else "a mapping"
