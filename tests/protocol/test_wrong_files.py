"""Every way a protocol file can be wrong: file, line, offending text, and what would be right."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qst.errors import InputError, ProtocolFileError
from qst.protocol.loader import LARGEST_FILE_BYTES, load_bytes, load_protocol
from qst.protocol.problems import ProtocolProblemsError
from tests.protocol.texts import RIGHT, load, spoiled

SETTLE = "settle: { within: 0.2 °C, for: 10 s }"
#: old text, new text, 1-based line, part of the message, part of the remedy.
WRONG = [
    # form
    ("repeats: 3", "repeets: 3", 24, "unknown key 'repeets'", "did you mean 'repeats'"),
    ("title: Small protocol\n", "", 1, "the file has no 'title'", "add 'title"),
    ("        start: 32 °C\n", "", 15, "stimuli 1 has no 'start'", "add 'start"),
    ("language: 1", "language: 2", 1, "unknown 'language' '2'", "1"),
    ("modality: heat", "modality: hot", 16, "unknown modality 'hot'", "heat, cold, pressure"),
    ("        modality: heat\n", "", 15, "stimuli 1 has no 'modality'", "heat | cold | pressure"),
    ("repeats: 3", "repeats: 0", 24, "out of range", "from 1 to 100"),
    ("repeats: 3", "repeats: 2.5", 24, "not a whole number", "from 1 to 100"),
    ("repeats: 3", "repeats: three", 24, "not a whole number", "from 1 to 100"),
    ("repeats: 3", "repeats: 3\n        repeats: 4", 25, "stands here twice (first in line 24)", "keep one"),
    ("alternate: true", "alternate: yes", 10, "unknown 'alternate' 'yes'", "true, false"),
    ("side: right", "side: middle", 18, "unknown 'side' 'middle'", "left"),
    ("order: random", "order: rondom", 44, "unknown 'order' 'rondom'", "did you mean 'random'"),
    ("reading: peak", "reading: middle", 48, "unknown 'reading' 'middle'", "at_response, peak"),
    ("site: thenar", "site: thener", 17, "unknown site 'thener'", "did you mean 'thenar'"),
    ("site: thenar", "site: [thenar]", 17, "'site' must be one value", "behind the colon"),
    ("site: thenar", "site:", 17, "'site' has no value", "leave the key out"),
    ("title: Small protocol", "title: ''", 4, "'title' is empty", "write a text"),
    ("id: small", "id: small visit", 2, "not an identifier", "letters, digits"),
    ("sites: tender-points", "sites: [OCC, OCC]", 42, "'OCC' is named twice", "repeats"),
    ("sites: tender-points", "sites: [OCC, XYZ]", 42, "unknown site 'XYZ'", "known sites"),
    ("sites: tender-points", "sites: []", 42, "empty list", "at least one"),
    (SETTLE, "settle: 10 s", 23, "'settle' must hold keys", "key: value"),
    ("rests: { between_trials: 10 s }", "rests: []", 38, "'rests' must hold keys", "key: value"),
    # quantities
    ("start: 32 °C", "start: 32", 19, "has no unit", "32 °C"),
    ("start: 32 °C", "start: 32 kPa", 19, "is a pressure, not a temperature", "32 °C"),
    ("rate: 0.3 °C/s", "rate: 0.3 °C", 20, "needs 'per time'", "did you mean '0.3 °C/s'"),
    ("rate: 0.3 °C/s", "rate: 0,3 °C/s", 20, "comma", "point"),
    ("cutoff: 48 °C", "cutoff: .nan", 21, "not a finite number", "32 °C"),
    ("cutoff: 6 kg/cm²", "cutoff: 6 kg", 46, "is a force", "6 kg/cm²"),
    # meaning
    ("rate: 0.3 °C/s", "rate: -0.3 °C/s", 20, "a heat ramp rises", "without sign"),
    ("rate: 0.3 °C/s", "rate: 0 °C/s", 20, "not positive", "without sign"),
    ("return_rate: 8 °C/s", "return_rate: -8 °C/s", 22, "not positive", "without sign"),
    ("cutoff: 48 °C", "cutoff: 30 °C", 21, "must lie above its start (cutoff: 30 °C)", "raise the cut-off"),
    ("cutoff: 0 °C", "cutoff: 22 °C", 33, "must lie below its start", "lower the cut-off"),
    ("cutoff: 0 °C", "cutoff: -0.5 °C", 33, "below the limit of 0 °C", "raise it"),
    ("start: 20 °C", "start: 10 °C", 31, "held on the skin", "move the start"),
    ("start: 32 °C", "start: 41 °C", 19, "held on the skin", "move the start"),
    ("cutoff: 6 kg/cm²", "cutoff: 10.5 kg/cm²", 46, "above the limit of 1000 kPa", "lower the cut-off"),
    ("cutoff: 6 kg/cm²", "cutoff: 0 kg/cm²", 46, "not positive", "6 kg/cm²"),
    ("rate: 1 kg/cm²/s", "rate: -1 kg/cm²/s", 45, "not positive", "1 kg/cm²/s"),
    ("rate: 1 kg/cm²/s", "rate: 0.01 kg/cm²/s", 45, "would last 605.0 s", "faster rate"),
    ("site: thenar\n        side: right", "site: thenar", 17, "no side is given", "side: left"),
    ("site: thenar\n", "site: forehead\n", 18, "on the midline", "leave 'side' out"),
    ("site: thenar\n", "site: thenar\n        sites: [OCC]\n", 18, "there are 'site' and 'sites'", "write one"),
    ("        site: thenar\n", "", 15, "there is no site", "write one"),
    ("site: thenar", "site: thenar\n        order: mtps", 18, "is for tender points", "as-listed"),
    ("site: volar-forearm", "site: thenar", 25, "practice would be at a site that is tested", "somewhere else"),
    (", side: right }", " }", 25, "practice site is on both sides", "side: left"),
    ("site: volar-forearm, side: right", "site: forehead, side: right", 25, "on the midline", "leave 'side' out"),
    ("within: 0.2 °C", "within: 0 °C", 23, "settling band", "0.2 °C"),
    ("for: 10 s }", "for: 10 s, timeout: 5 s }", 23, "before it can succeed", "120 s"),
    ("for: 10 s }", "for: -1 s }", 23, "cannot be negative", "10 s"),
    ("between_trials: 20 s", "between_trials: -1 s", 12, "negative or longer than an hour", "60 s"),
    ("repeats: 3", "timeout: 10 s", 24, "time out before the cut-off", "58.3 s"),
    ("repeats: 3", "timeout: 130 s", 24, "the limit is 120 s", "faster rate"),
    ("repeats: 3", "rate_band: 0 %", 24, "band around the rate", "25 %"),
    ("repeats: 3", "rounding: 0.1 kg/cm²", 24, "not a step of a temperature", "0.01 °C"),
    ("rounding: 0.1 kg/cm²", "rounding: 0.1 °C", 47, "not a step of a pressure", "0.1 kg/cm²"),
    ("rounding: 0.1 kg/cm²", "rounding: 0 kg/cm²", 47, "not a step of rounding", "0.1 kg/cm²"),
    ("rounding: 0.1 kg/cm²", "rounding: nearest", 47, "not a step of rounding", "0.1 kg/cm²"),
    ("rounding: 0.1 kg/cm²", "rounding: 2 kg/cm²", 47, "too coarse", "or finer"),
    ("id: cool", "id: warm", 27, "stimulus id 'warm' is used twice (first in line 15)", "its own id"),
    ("id: press", "id: thermal", 37, "block id 'thermal' is used twice (first in line 9)", "its own id"),
    ("id: PPT", "id: HPT", 48, "score id 'HPT' is used twice", "its own id"),
    ("    rests: { between", "    alternate: true\n    rests: { between", 38, "cannot alternate", "second stimulus"),
    # dose
    ("repeats: 3", "repeats: 8", 21, "without any response the right thenar eminence gets 21.0 CEM43", "fewer repeats"),
    ("rate: 0.3 °C/s", "rate: 0.11 °C/s", 21, "the limit is 20", "faster rates"),
    # syntax
    ("title: Small protocol", "title: [Small", 5, "not valid YAML", "check indentation"),
    ("title: Small protocol", "title: 'Small", 4, "not valid YAML", "quotes"),
    ("  always: stop", "\talways: stop", 6, "a tab in the indentation", "spaces only"),
    ("title: Small protocol", "title: !!python/object/apply:os.system [x]", 4, "a tag", "leave it out"),
    ("title: Small protocol", "title: !!str Small", 4, "a tag", "leave it out"),
    ("title: Small protocol", "title: &name Small", 4, "an anchor", "write the values out"),
    ("title: Small protocol", "title: *name", 4, "an alias", "write the values out"),
    ("title: Small protocol", "? [a]\n: b", 4, "a key that is not a word", "key: value"),
    ("title: Small protocol", 'title: "\\uD800"', 4, "half of a surrogate pair", "character itself"),
    ("title: Small protocol", 'title: "\\UFFFFFFFF"', 4, "not valid YAML", "quotes"),
    ("title: Small protocol", "title: Small\x00", 4, "U+0000 may not stand", "check"),
    ("title: Small protocol", "---", 4, "a second document", "one file holds one document"),
]


@pytest.mark.parametrize(("old", "new", "line", "what", "remedy"), WRONG)
def test_wrong_files(old: str, new: str, line: int, what: str, remedy: str) -> None:
    with pytest.raises(ProtocolProblemsError) as caught:
        load(spoiled(old, new))
    found = [problem for problem in caught.value.problems if what in str(problem)]
    assert found, caught.value.problems
    assert found[0].line == line
    assert remedy in found[0].remedy
    assert f"visit.yaml:{caught.value.problems[0].line}" in str(caught.value)


def test_a_cutoff_above_fifty_is_above_the_limit() -> None:
    with pytest.raises(ProtocolFileError, match=r"visit.yaml:21: .*above the limit of 50 °C \(cutoff: 50.5 °C\)"):
        load(spoiled("cutoff: 48 °C", "cutoff: 50.5 °C").replace("rate: 0.3", "rate: 2.0"))


def test_a_slow_ramp_is_too_long_at_43() -> None:
    text = (
        spoiled("cutoff: 48 °C", "cutoff: 45 °C")
        .replace("start: 32 °C", "start: 39 °C")
        .replace("0.3 °C/s", "2 °C/min")
    )
    with pytest.raises(ProtocolProblemsError) as caught:
        load(text)
    assert any("stays 60.2 s at or above 43 °C; the limit is 60 s" in problem.what for problem in caught.value.problems)


def test_every_problem_is_listed_by_line() -> None:
    text = spoiled("side: right", "side: middle").replace("cutoff: 0 °C", "cutoff: 0").replace("push", "p u")
    text = text.replace("rate: 1 kg/cm²/s", "rat: 1 kg/cm²/s")
    with pytest.raises(ProtocolProblemsError) as caught:
        load(text)
    assert [problem.line for problem in caught.value.problems] == [18, 33, 40, 40, 45]
    message = str(caught.value)
    for line in (18, 33, 40, 45):
        assert f"visit.yaml:{line}: " in message
    assert "5 problems" in message
    assert caught.value.code == "QST-110"


def test_very_many_problems_are_cut_off() -> None:
    with pytest.raises(ProtocolProblemsError, match="and 50 more"):
        load("".join(f"key{number}: 1\n" for number in range(94)) + "x: 1\n")


@pytest.mark.parametrize("data", [b"", b"\n\n", b"# only a comment\n", b"\xef\xbb\xbf"])
def test_an_empty_file(data: bytes) -> None:
    with pytest.raises(ProtocolFileError, match=r"visit\.yaml:1: the file is empty"):
        load_bytes(data, "visit.yaml")


@pytest.mark.parametrize("text", ["just text\n", "- a\n- list\n"])
def test_a_file_that_is_no_mapping(text: str) -> None:
    with pytest.raises(ProtocolFileError, match="the file must hold keys"):
        load(text)


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "huge.yaml"
    path.write_bytes(b"a" * 10_000_000)
    with pytest.raises(ProtocolFileError, match="larger than 1 MB"):
        load_protocol(path)
    with pytest.raises(ProtocolFileError, match="larger than 1 MB"):
        load_bytes(b"a" * (LARGEST_FILE_BYTES + 1), "visit.yaml")


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_a_file_that_is_not_utf_8(encoding: str) -> None:
    with pytest.raises(ProtocolFileError, match="not UTF-8") as caught:
        load_bytes(RIGHT.encode(encoding), "visit.yaml")
    assert caught.value.remedy == "save it as UTF-8"
    assert caught.value.where == ("visit.yaml:19" if encoding == "latin-1" else "visit.yaml:1")


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_deep_nesting_is_refused(opening: str) -> None:
    with pytest.raises(ProtocolFileError):
        load(opening * 100_000)


def test_an_alias_bomb_is_refused() -> None:
    bomb = "a: &a [x, x, x]\n" + "".join(
        f"{b}: &{b} [*{a}, *{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    with pytest.raises(ProtocolFileError, match=r"an anchor|an alias"):
        load(bomb)


def test_too_many_trials() -> None:
    with pytest.raises(ProtocolFileError, match="the protocol has 1807 trials"):
        load(spoiled("order: random", "order: random\n        repeats: 100"))


@given(st.text(max_size=200) | st.text("abc:-[]{}'\"|>#&*!%@,? \n\t\\0x", max_size=80))
def test_any_text_is_refused_in_words(text: str) -> None:
    with pytest.raises(InputError):
        load(text)


LINES = RIGHT.splitlines()


@given(
    st.integers(0, len(RIGHT)),
    st.integers(0, 30),
    st.text("abkg°²:-[]{}'\"|>#&*! \n\t01.9/", max_size=6) | st.sampled_from(LINES),
)
def test_a_spoiled_protocol_loads_or_is_refused_in_words(position: int, length: int, insert: str) -> None:
    text = RIGHT[:position] + insert + RIGHT[position + length :]
    remedy = "none needed"
    try:
        load(text)
    except InputError as error:
        remedy = error.remedy
    assert remedy


@given(st.binary(max_size=100))
def test_any_bytes_are_refused_in_words(data: bytes) -> None:
    with pytest.raises(InputError):
        load_bytes(data, "visit.yaml")
