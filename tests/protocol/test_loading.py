"""Finding and reading right files."""

import hashlib
from pathlib import Path

import pytest

from qst.errors import InputError
from qst.protocol import shipped
from qst.protocol.loader import load_bytes, load_protocol
from qst.protocol.model import ColdStimulus, HeatStimulus, PressureStimulus
from tests.protocol.texts import RIGHT, load


def test_quantities_are_resolved_to_the_suites_units() -> None:
    thermal, press = load(RIGHT).protocol.blocks
    warm, cool = thermal.stimuli
    assert isinstance(warm, HeatStimulus)
    assert (warm.start_c, warm.rate_c_per_s, warm.cutoff_c, warm.return_rate_c_per_s) == (32.0, 0.3, 48.0, 8.0)
    assert (warm.settle.within_c, warm.settle.for_s, warm.settle.timeout_s) == (0.2, 10.0, 120.0)
    assert isinstance(cool, ColdStimulus)
    push = press.stimuli[0]
    assert isinstance(push, PressureStimulus)
    assert (push.rate_kpa_per_s, push.cutoff_kpa) == (98.0665, 588.399)
    assert push.rounding == "0.1 kgf/cm2"
    assert push.side == "both"
    assert push.rate_band == 0.25


def test_text_and_hash_are_kept_for_the_log() -> None:
    loaded = load(RIGHT)
    assert loaded.text == RIGHT
    assert loaded.sha256 == hashlib.sha256(RIGHT.encode("utf-8")).hexdigest()
    assert loaded.source == "visit.yaml"


def test_a_byte_order_mark_and_windows_line_ends_are_fine() -> None:
    windows = RIGHT.replace("\n", "\r\n")
    loaded = load_bytes(b"\xef\xbb\xbf" + windows.encode("utf-8"), "visit.yaml")
    assert loaded.protocol == load(RIGHT).protocol
    assert loaded.text == windows


@pytest.mark.parametrize("word", ["R", "right", "L", "left"])
def test_sides_may_be_letters_or_words(word: str) -> None:
    stimulus = load(
        RIGHT.replace("side: right\n", f"side: {word}\n", 1).replace("side: right }", "side: left }")
    ).protocol
    assert stimulus.blocks[0].stimuli[0].side == word[0].upper()


def test_a_version_that_looks_like_a_number_stays_text() -> None:
    assert load(RIGHT.replace("1.0.0", "1.10")).protocol.version == "1.10"


def test_a_path_or_a_shipped_name(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(RIGHT, encoding="utf-8")
    assert load_protocol(path).source == str(path)
    assert load_protocol(str(path)).protocol.id == "small"
    assert load_protocol("demo-quick").source == "demo-quick.yaml"


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown protocol 'fibromialgia-visit'") as caught:
        load_protocol("fibromialgia-visit")
    assert "did you mean 'fibromyalgia-visit'" in caught.value.remedy
    with pytest.raises(InputError, match="there is no file"):
        load_protocol(tmp_path / "absent.yaml")
    with pytest.raises(InputError, match="is a folder"):
        load_protocol(tmp_path)
    with pytest.raises(InputError):
        load_protocol("a\0b")


def test_a_file_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "locked.yaml"
    path.write_text(RIGHT, encoding="utf-8")

    def refuse(*_args: object, **_keywords: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(InputError, match=r"cannot read '.*locked.yaml': Permission denied"):
        load_protocol(path)


def test_the_shipped_protocols_are_found() -> None:
    assert list(shipped.shipped()) == ["demo-quick", "fibromyalgia-visit"]


def test_an_installed_package_has_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "shipped"
    folder.mkdir()
    (folder / "other.yaml").write_text(RIGHT, encoding="utf-8")
    monkeypatch.setattr(shipped, "__file__", str(tmp_path / "shipped.py"))
    assert list(shipped.shipped()) == ["other"]
