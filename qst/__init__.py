"""Instrument control, visit protocols and simulators for quantitative sensory testing."""

__version__ = "0.1.0"
