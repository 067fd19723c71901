"""The conformance suite: what the suite relies on in every driver, together with its simulator.

One line in a test module makes a test class of about a hundred checks::

    TestMyThermode = thermode_conformance("my-thermode", simulator="my-thermode", ramps=[ThermalRamp(...)])
"""

from collections.abc import Mapping, Sequence
from typing import Any

from qst.instruments import PressureRamp, Reading, ThermalRamp
from qst.testing.conformance.algometer import AlgometerConformance
from qst.testing.conformance.operator_read import OperatorReadConformance
from qst.testing.conformance.subject import (
    Pluggable,
    Subject,
    require_kind,
    require_ramps,
    resolve_driver,
    resolve_simulator,
)
from qst.testing.conformance.suite import Conformance, make_suite
from qst.testing.conformance.thermode import ThermodeConformance

__all__ = ["algometer_conformance", "thermode_conformance"]

_NOTHING: Mapping[str, Any] = {}


def thermode_conformance(
    driver: Pluggable,
    *,
    simulator: Pluggable,
    ramps: Sequence[ThermalRamp],
    settings: Mapping[str, Any] = _NOTHING,
    simulator_settings: Mapping[str, Any] = _NOTHING,
    accuracy_c: float = 0.3,
    rest_c: float = 32.0,
    rest_within_c: float = 2.5,
    coasting_c: float = 0.05,
    exempt: Mapping[str, str] = _NOTHING,
) -> type[Conformance]:
    """A test class that holds a thermode's driver, together with its simulator, to what the suite relies on.

    Args:
        driver: name of an installed driver, or its class.
        simulator: name of an installed simulator, or its class; it needs a ``surface`` (the plate's truth).
        ramps: ramps that the pair can do, best one of heat and one of cold; faults are tried on the first. It should
            take a few seconds at least.
        settings: of the driver, as in a station file.
        simulator_settings: of the simulator; switch noise and offsets off where it has such switches.
        accuracy_c: how far a sample may be from the simulated truth at its time, °C.
        rest_c: where a thermode that was made safe goes, °C; neither warm nor cold to the skin.
        rest_within_c: how near to that it may stay, °C.
        coasting_c: how far the plate goes on when it is told to turn back, °C: its own inertia and the time that the
            order takes, never a stimulus that the driver adds.
        exempt: name of a check, as pytest shows it -> why this pair cannot hold it. An exempted check must fail.

    Raises:
        InputError: no such driver or simulator, no ramps, or an exemption that names no check.
    """
    driver_class = resolve_driver(driver)
    require_kind(driver_class, "thermode")
    require_ramps(ramps, ThermalRamp)
    subject = Subject(
        driver=driver_class,
        simulator=resolve_simulator(simulator),
        settings=settings,
        simulator_settings=simulator_settings,
        ramps=ramps,
        accuracy=accuracy_c,
        rest_c=rest_c,
        rest_within_c=rest_within_c,
        coasting_c=coasting_c,
        exempt=exempt,
    )
    return make_suite(ThermodeConformance, subject)


def algometer_conformance(
    driver: Pluggable,
    *,
    simulator: Pluggable,
    ramps: Sequence[PressureRamp],
    settings: Mapping[str, Any] = _NOTHING,
    simulator_settings: Mapping[str, Any] = _NOTHING,
    accuracy_kpa: float = 10.0,
    exempt: Mapping[str, str] = _NOTHING,
) -> type[Conformance]:
    """A test class that holds an algometer's driver, together with its simulator, to what the suite relies on.

    Which checks it has follows from the capabilities: readings by software, or by the operator.

    Args:
        driver: name of an installed driver, or its class.
        simulator: name of an installed simulator, or its class; one of a display needs ``read_maximum()``.
        ramps: ramps that the pair can do; faults are tried on the first. It should take a few seconds at least.
        settings: of the driver, as in a station file.
        simulator_settings: of the simulator; switch noise and errors off where it has such switches.
        accuracy_kpa: how far a sample, or a value typed in, may be from the simulated truth at its time, kPa.
        exempt: name of a check, as pytest shows it -> why this pair cannot hold it. An exempted check must fail.

    Raises:
        InputError: no such driver or simulator, no ramps, or an exemption that names no check.
    """
    driver_class = resolve_driver(driver)
    require_kind(driver_class, "algometer")
    require_ramps(ramps, PressureRamp)
    subject = Subject(
        driver=driver_class,
        simulator=resolve_simulator(simulator),
        settings=settings,
        simulator_settings=simulator_settings,
        ramps=ramps,
        accuracy=accuracy_kpa,
        period_s=0.02,
        exempt=exempt,
    )
    reading = driver_class.CAPABILITIES.reading  # type: ignore[attr-defined]  # what every driver class has
    return make_suite(OperatorReadConformance if reading is Reading.OPERATOR else AlgometerConformance, subject)
