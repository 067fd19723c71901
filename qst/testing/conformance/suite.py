"""Checks, their cases, their exemptions, and running them with pytest or without."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, NamedTuple

import pytest

from qst.errors import InputError
from qst.testing.conformance.rig import Rig
from qst.testing.conformance.subject import Stage, Subject

#: Methods with this prefix are checks.
PREFIX = "test_"


class Conformance:
    """Base of the suites: every method ``test_…`` is a check, its docstring says why it exists.

    An argument of a check is filled from :meth:`cases` of the same name, one run for each. An exempted check must fail:
    when it passes, pytest says so (strict xfail), and the exemption is to be removed.
    """

    subject: ClassVar[Subject]
    RIG: ClassVar[type[Rig]]

    @classmethod
    def stages(cls) -> tuple[Stage, ...]:
        """The states that an instrument of this kind can be brought to."""
        raise NotImplementedError

    @classmethod
    def cases(cls) -> dict[str, Mapping[str, Any]]:
        """Argument of a check -> name of a case -> its value."""
        return {"any_stage": {stage.value: stage for stage in cls.stages()}}

    @pytest.fixture(autouse=True)
    def _exempted(self, request: pytest.FixtureRequest) -> None:
        """What is exempted is expected to fail, and shows up as such."""
        reason = self.subject.exempt.get(request.node.name)
        if reason is not None:
            request.applymarker(pytest.mark.xfail(reason=reason, strict=True))

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Give each check its cases."""
        for name, values in self.cases().items():
            if name in metafunc.fixturenames:
                metafunc.parametrize(name, list(values.values()), ids=list(values))

    def bench(self) -> Any:  # noqa: ANN401 - the suites narrow it to their own rig
        """A new bench: nothing is connected."""
        return self.RIG(self.subject)


class CheckResult(NamedTuple):
    """What became of a check: its name as pytest shows it, and what it complained about, None when it held."""

    name: str
    complaint: Exception | None


def check_names(suite: type[Conformance]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every check of a suite: its name as pytest shows it, the method, and the method's arguments."""
    cases = suite.cases()
    for method in sorted(name for name in dir(suite) if name.startswith(PREFIX)):
        wanted = [name for name in inspect.signature(getattr(suite, method)).parameters if name != "self"]
        if not wanted:
            yield method, method, {}
        for name in wanted:
            for case, value in cases[name].items():
                yield f"{method}[{case}]", method, {name: value}


def run_checks(suite: type[Conformance], select: Callable[[str], bool] = lambda _: True) -> list[CheckResult]:
    """Run checks without pytest, exempted ones included.

    Args:
        suite: what ``thermode_conformance`` or ``algometer_conformance`` made.
        select: whether to run the check of this name; all of them by default.
    """
    return [
        CheckResult(name, _complaint(suite, method, arguments))
        for name, method, arguments in check_names(suite)
        if select(name)
    ]


def _complaint(suite: type[Conformance], method: str, arguments: dict[str, Any]) -> Exception | None:
    try:
        getattr(suite(), method)(**arguments)
    except Exception as complaint:  # noqa: BLE001 - a check may find anything
        return complaint
    return None


def make_suite(base: type[Conformance], subject: Subject) -> type[Conformance]:
    """The suite for one pair.

    Raises:
        InputError: an exemption names no check, or gives no reason.
    """
    suite = type("TestConformance", (base,), {"subject": subject, "__doc__": base.__doc__, "__module__": __name__})
    names = {name for name, _, _ in check_names(suite)}
    for name, reason in subject.exempt.items():
        if name not in names:
            raise InputError(f"no check is called '{name}'", remedy=f"checks: {', '.join(sorted(names))}")
        if not reason.strip():
            raise InputError(f"the exemption of '{name}' gives no reason", remedy="say why it cannot hold")
    return suite
