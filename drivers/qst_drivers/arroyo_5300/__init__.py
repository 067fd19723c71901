"""Driver of Arroyo 5300-family temperature controllers with a laboratory-built Peltier thermode."""

from qst_drivers.arroyo_5300.driver import Arroyo5300

__all__ = ["Arroyo5300"]
