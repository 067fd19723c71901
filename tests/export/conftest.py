"""Simulated visits, made once."""

from pathlib import Path

import pytest
from click.testing import CliRunner

import qst
from qst.analysis.dataset import Dataset
from qst.cli import qst as command

VISITS = (
    ("demo-quick", "P-01", 1),
    ("demo-quick", "P-01", 2),
    ("demo-quick", "P02", 1),
    ("fibromyalgia-visit", "P02", 1),
)


@pytest.fixture(scope="session")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the logs of two participants."""
    folder = tmp_path_factory.mktemp("visits")
    for seed, (protocol, participant, visit) in enumerate(VISITS):
        words = f"run {protocol} --simulate --seed {seed} --participant {participant} --visit {visit} --study S1"
        result = CliRunner().invoke(command, [*words.split(), "--data", str(folder)])
        assert result.exit_code == 0, result.output
    return folder


@pytest.fixture(scope="session")
def visits(logs: Path) -> Dataset:
    return qst.read(logs, simulated="both")
