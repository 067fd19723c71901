"""What an export needs of whatever it writes; a dataset has it, and so have tables that came from elsewhere."""

from typing import Protocol

from qst.analysis.columnar import Table
from qst.analysis.dataset import LeftOut


class Source(Protocol):
    """Tables, and what could not be put into them."""

    @property
    def tables(self) -> tuple[Table, ...]:
        """All tables of a workbook; other files hold one."""

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """Logs that could not be used, each with its reason."""

    @property
    def unscored(self) -> tuple[LeftOut, ...]:
        """Visits whose protocol this version cannot score."""

    @property
    def set_aside(self) -> tuple[str, ...]:
        """Logs of the kind (real, simulated) that was not asked for."""
