"""A suite with an exemption that nothing needs; run by a test, never collected."""

from qst.instruments import ThermalRamp
from qst.testing import thermode_conformance

TestNeedless = thermode_conformance(
    "qstlab-tcs",
    simulator="qstlab-tcs",
    ramps=[ThermalRamp(start_c=32.0, rate_c_per_s=1.0, cutoff_c=48.0, return_rate_c_per_s=8.0)],
    exempt={"test_identity": "there is no need"},
)
