"""Names in other systems: what stays apart here must not become one there."""

from collections.abc import Mapping

from qst.analysis.columnar import Table
from qst.errors import InputError


def only_study(visits: Table, where: str) -> str:
    """The study that all visits belong to; participants of two studies may have the same pseudonym.

    Args:
        visits: the visit table.
        where: participants are named by their pseudonyms alone.

    Raises:
        InputError: there are several studies.
    """
    studies = sorted({str(study or "") for study in visits.column("study_id")})
    if len(studies) > 1:
        named = ", ".join(study or "(none)" for study in studies)
        raise InputError(
            f"these visits belong to several studies: {named}",
            did="wrote nothing",
            remedy=f"export each study by itself: in {where} two participants with one pseudonym would become one",
        )
    return studies[0] if studies else ""


def refuse_alike(names: Mapping[str, str], what: str, becomes: str) -> None:
    """Refuse two names that become one, also where only capitals tell them apart: some systems do not see those.

    Args:
        names: as they are here, with what each becomes.
        what: they name, in the plural.
        becomes: how the new name is written, such as ``sub-{}``.

    Raises:
        InputError: two names become one.
    """
    owners: dict[str, str] = {}
    for name, made in names.items():
        other = owners.setdefault(made.lower(), name)
        if other != name:
            raise InputError(
                f"the {what} '{other}' and '{name}' would both be {becomes.format(made)}",
                did="wrote nothing",
                remedy="export them by themselves, each into a place of its own",
            )
