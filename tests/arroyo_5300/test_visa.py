"""The controller behind a real socket, spoken to through VISA (pyvisa-py): by PyVISA alone, and by the driver."""

from collections.abc import Iterator

import pytest
import pyvisa
from pyvisa.resources import MessageBasedResource

from qst.abort import AbortSwitch
from qst.clock import RealClock
from qst.errors import RefusedError
from qst.instruments import Link
from qst_drivers.arroyo_5300 import Arroyo5300
from qst_drivers.links import open_link
from qst_simulators.server import SimulatorServer
from tests.arroyo_5300.rig import FAST_HEAT

SPEED = 10.0  # seconds of the simulated world in one of the computer
STEADY = {"start_c": 32.0, "noise_c": 0.0}


@pytest.fixture
def server() -> Iterator[SimulatorServer]:
    with SimulatorServer([("arroyo-5300", STEADY)], clock=RealClock(speed=SPEED), speed=SPEED) as served:
        yield served


def resource_name(server: SimulatorServer) -> str:
    host, _, port = server.addresses["thermode"].removeprefix("tcp://").rpartition(":")
    return f"TCPIP::{host}::{port}::SOCKET"


class KnownToBeSimulated:
    """A link by another name: the test knows what is at its other end, the driver could not."""

    description = "sim://arroyo-5300"

    def __init__(self, link: Link) -> None:
        self.open, self.close = link.open, link.close
        self.write, self.read, self.read_available = link.write, link.read, link.read_available


def test_a_stranger_with_pyvisa_is_answered(server: SimulatorServer) -> None:
    manager = pyvisa.ResourceManager("@py")
    instrument = manager.open_resource(
        resource_name(server), read_termination="\r\n", write_termination="\r\n", timeout=5000
    )
    assert isinstance(instrument, MessageBasedResource)
    try:
        assert instrument.query("*IDN?") == "Arroyo 5305 SIM-53051234 3.06 4012"
        instrument.write("TEC:TRATE 300")
        assert instrument.query("ERR?") == "201"
        assert instrument.query("TEC:T?") == "32.00"
        instrument.write("TEC:T 32;OUT 1")
        assert instrument.query("TEC:COND?") == "1536"
    finally:
        instrument.close()
        manager.close()


def test_the_driver_runs_a_ramp_and_comes_back_over_visa(server: SimulatorServer) -> None:
    clock, abort = server.clock, AbortSwitch()
    link = open_link(f"visa://{resource_name(server)}?backend=@py", clock, abort)
    # Deadlines are in time of the world: a computer that is busy must not look like a silent device.
    driver = Arroyo5300(KnownToBeSimulated(link), {"reply_timeout": "5 s"}, clock)
    assert driver.connect().model == "Arroyo 5305"
    driver.prepare(FAST_HEAT)
    driver.adapt()
    while not driver.ready():
        driver.poll()
    driver.begin()
    samples = [driver.poll()[0] for _ in range(6)]
    driver.stop()
    assert samples[-1].value > samples[0].value >= 32.0
    with server.lock:
        assert server.bench.device("thermode").controller.set_c == 32.0
    driver.close()
    driver.close()


def test_no_ramp_is_prepared_without_a_guard_on_a_device_that_may_be_real(server: SimulatorServer) -> None:
    link = open_link(f"visa://{resource_name(server)}?backend=@py", server.clock, AbortSwitch())
    driver = Arroyo5300(link, {"reply_timeout": "5 s"}, server.clock)
    driver.connect()
    with pytest.raises(RefusedError, match="watchdog"):
        driver.prepare(FAST_HEAT)
    driver.close()
