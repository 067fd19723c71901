"""Power comes on only for a set-point that the controller has given back."""

import pytest

from qst.errors import InstrumentFaultError
from tests.arroyo_5300.rig import HEAT, Rig


def test_no_power_comes_on_for_a_set_point_that_was_not_taken() -> None:
    rig = Rig({"start_c": 32.0})
    rig.device.controller.set_c = 48.0
    rig.device.inject("ignored stop")
    rig.driver.connect()
    rig.driver.prepare(HEAT)
    with pytest.raises(InstrumentFaultError, match="set-point is 48 °C, not on the way to 32 °C"):
        rig.driver.adapt()
    assert not rig.device.controller.output
    assert not [line for line in rig.link.lines() if line.startswith("TEC:OUT")]
    rig.driver.make_safe()
    rig.wait(20.0)
    assert rig.true_c == 32.0


def test_a_slow_ramp_is_slow_at_once() -> None:
    rig = Rig().ramping(HEAT, 5.0)
    rig.device.inject("slow ramp", share=0.5)
    rig.wait(2.5)
    before_c = rig.true_c
    rig.wait(2.0)
    assert rig.true_c - before_c == pytest.approx(0.3, abs=0.05)
