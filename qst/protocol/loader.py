"""From a file to a typed protocol, or to a list of everything that is wrong with it."""

import codecs
import functools
import hashlib
from pathlib import Path
from typing import Any

import msgspec

from qst.errors import InputError, ProtocolFileError
from qst.protocol import shipped
from qst.protocol.decode import BAD, Decoder
from qst.protocol.meaning import Meaning
from qst.protocol.model import Protocol, type_tree
from qst.protocol.problems import Problems
from qst.protocol.tree import read_tree

#: A protocol is a few kilobytes; what is larger was not meant to be one.
LARGEST_FILE_BYTES = 1_000_000

_OTHER_ENCODINGS = {codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}


class LoadedProtocol(msgspec.Struct, frozen=True, kw_only=True):
    """A protocol and the text it came from. ``sha256`` is that of ``text`` in UTF-8, as it goes into the log."""

    protocol: Protocol
    text: str
    sha256: str
    source: str


def load_protocol(path_or_name: str | Path) -> LoadedProtocol:
    """Read, check and resolve a protocol.

    Args:
        path_or_name: a shipped protocol's name, such as ``fibromyalgia-visit``, or a path.

    Raises:
        InputError: there is no such protocol, or it cannot be read.
        ProtocolFileError: it is wrong; every problem with file, line, the offending text and what would be right.
    """
    source = shipped.find(path_or_name)
    try:
        with source.file.open("rb") as file:
            data = file.read(LARGEST_FILE_BYTES + 1)
    except OSError as error:
        raise InputError(
            f"cannot read '{source.name}': {error.strerror}", remedy="check the file and its permissions"
        ) from error
    return load_bytes(data, source.name)


def load_bytes(data: bytes, source: str) -> LoadedProtocol:
    """As :func:`load_protocol`, from a file's bytes; ``source`` is how messages name the file."""
    text = read_text(data, source)
    problems = Problems()
    root = read_tree(text, problems)
    problems.raise_if_any(source)
    if root is None:
        raise ProtocolFileError("the file is empty", where=f"{source}:1", remedy="start from a shipped protocol")
    protocol = Decoder(problems, Meaning()).value(root, _types(), ())
    problems.raise_if_any(source)
    if protocol is BAD:
        raise ProtocolFileError("the file is no protocol", where=f"{source}:1", remedy="start from a shipped protocol")
    return LoadedProtocol(
        protocol=protocol,
        text=text,
        sha256=hashlib.sha256(text.encode("utf-8")).hexdigest(),
        source=source,
    )


@functools.cache
def _types() -> Any:  # noqa: ANN401 - msgspec's description of a type has no common public class
    return type_tree()


def read_text(data: bytes, source: str) -> str:
    """A file's text; a byte order mark of UTF-8, as some editors write it, is dropped.

    Raises:
        ProtocolFileError: it is too large, or not UTF-8.
    """
    if len(data) > LARGEST_FILE_BYTES:
        raise ProtocolFileError(
            f"the file is larger than {LARGEST_FILE_BYTES // 1_000_000} MB; a protocol is a few kilobytes",
            where=source,
            did="nothing of it was read",
            remedy="check that this is the file you meant",
        )
    for mark, name in _OTHER_ENCODINGS.items():
        if data.startswith(mark):
            raise ProtocolFileError(f"the file is {name}, not UTF-8", where=f"{source}:1", remedy="save it as UTF-8")
    try:
        return data.removeprefix(codecs.BOM_UTF8).decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ProtocolFileError(
            f"the file is not UTF-8 (byte 0x{data[error.start]:02X})",
            where=f"{source}:{line}",
            remedy="save it as UTF-8",
        ) from error
