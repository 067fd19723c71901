"""What is wrong with a file a person wrote: every problem with its line, not only the first."""

import difflib
from collections.abc import Iterable
from typing import NamedTuple

from qst.errors import InputError, ProtocolFileError

#: A file with more problems than this is not listed further.
MOST_LISTED = 50


class Problem(NamedTuple):
    """One thing that is wrong: 1-based line, what, the offending text, and what would be right."""

    line: int
    what: str
    text: str = ""
    remedy: str = ""

    def __str__(self) -> str:
        shown = self.text if len(self.text) <= _LONGEST_SHOWN else f"{self.text[: _LONGEST_SHOWN - 1]}…"
        what = f"{self.what} ({shown})" if shown and shown not in self.what else self.what
        return f"{what}; {self.remedy}" if self.remedy else what


_LONGEST_SHOWN = 60


class ProtocolProblemsError(ProtocolFileError):
    """A protocol file is wrong; ``problems`` has every problem found, by line."""

    def __init__(self, source: str, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        first = self.problems[0]
        if len(self.problems) == 1:
            what = f"{first.what} ({first.text})" if first.text and first.text not in first.what else first.what
            super().__init__(what, where=f"{source}:{first.line}", did=_DID, remedy=first.remedy)
            return
        lines = [f"{source}:{problem.line}: {problem}" for problem in self.problems[:MOST_LISTED]]
        if len(self.problems) > MOST_LISTED:
            lines.append(f"… and {len(self.problems) - MOST_LISTED} more")
        super().__init__(
            f"{len(self.problems)} problems\n  " + "\n  ".join(lines),
            where=f"{source}:{first.line}",
            did=_DID,
            remedy="correct the lines above and check again with 'qst check'",
        )


_DID = "nothing was connected"


class Problems:
    """Collects problems while a file is read."""

    def __init__(self) -> None:
        self._found: list[Problem] = []

    def __len__(self) -> int:
        return len(self._found)

    def add(self, line: int, what: str, *, text: str = "", remedy: str = "") -> None:
        """Note a problem in a 1-based line."""
        self._found.append(Problem(line, what, " ".join(text.split()), remedy))

    def add_error(self, line: int, error: InputError, *, text: str = "") -> None:
        """Note an error that another room raised about a text."""
        self.add(line, error.what, text=text, remedy=error.remedy)

    def raise_if_any(self, source: str) -> None:
        """Raise ProtocolProblemsError if there are problems in the file named ``source``."""
        if self._found:
            raise ProtocolProblemsError(source, self._found)


def did_you_mean(word: str, known: Iterable[str], *, always: str = "") -> str:
    """A remedy that names the nearest known word and lists them all."""
    words = list(known)
    close = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    hint = f"did you mean '{close[0]}'? " if close else ""
    return f"{hint}{always or 'known are'}: {', '.join(words)}"
