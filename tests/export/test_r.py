"""R's haven and readxl as the readers, where R is installed: what an analyst with R sees."""

import shutil
import subprocess
from pathlib import Path

import pytest

from qst.analysis.dataset import Dataset
from qst.analysis.export import export

RSCRIPT = shutil.which("Rscript")


def r(script: str) -> str:
    result = subprocess.run([str(RSCRIPT), "-e", script], capture_output=True, text=True, check=False, timeout=120)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def has(library: str) -> bool:
    return RSCRIPT is not None and r(f"cat(requireNamespace('{library}', quietly=TRUE))") == "TRUE"


@pytest.mark.skipif(not has("haven"), reason="R with the package haven is not installed")
def test_haven_reads_values_labels_and_missing_codes(visits: Dataset, tmp_path: Path) -> None:
    export(visits, tmp_path / "a.sav")
    path = (tmp_path / "a.sav").as_posix()
    shown = r(
        f"d <- haven::read_sav('{path}', user_na=TRUE); "
        "cat(nrow(d), sprintf('%.17g', sum(d$value_reported, na.rm=TRUE)), is.numeric(d$value_reported), "
        "is.factor(haven::as_factor(d)$value_reported), attr(d$value_reported, 'label'), "
        "names(attr(d$modality, 'labels')), attr(d$modality, 'na_values'), "
        "format(d$t_utc[1], '%Y-%m-%dT%H:%M:%S', tz='UTC'), sep='\\n')"
    ).splitlines()
    reported = [float(str(value)) for value in visits.trials.column("value_reported") if value is not None]
    assert int(shown[0]) == len(visits.trials)
    assert float(shown[1]) == pytest.approx(sum(reported), rel=1e-15)
    assert shown[2:4] == ["TRUE", "FALSE"]
    assert shown[4].endswith("[unit: unit_ucum]")
    assert shown[5:9] == ["pressure", "heat", "cold", "not recorded"]
    assert shown[9] == "-9"
    assert shown[10] == str(visits.trials.column("t_utc")[0])[:19]


@pytest.mark.skipif(not has("readxl"), reason="R with the package readxl is not installed")
def test_readxl_reads_numbers_and_times(visits: Dataset, tmp_path: Path) -> None:
    export(visits, tmp_path / "a.xlsx")
    path = (tmp_path / "a.xlsx").as_posix()
    shown = r(
        f"d <- readxl::read_excel('{path}'); cat(nrow(d), class(d$cem43_min), class(d$t_utc)[1], class(d$seed))"
    ).split()
    assert shown == [str(len(visits.trials)), "numeric", "POSIXct", "character"]
