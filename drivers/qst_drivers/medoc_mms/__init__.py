"""Medoc thermodes (Pathway ATS, TSA-2) through Medoc Main Station's External Control over TCP.

``settings`` reads the station file's mapping; ``exchange`` is one request and one reply over one connection;
``sequence`` takes a program to its trigger, and ends a test; ``ramp_watch`` judges from the samples how the device
ended a ramp; ``driver`` is the instrument.
"""

from qst_drivers.medoc_mms.driver import MedocMms

__all__ = ["MedocMms"]
