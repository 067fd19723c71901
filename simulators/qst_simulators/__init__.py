"""Simulated devices, participants and hands: bytes in, bytes out, physics in between."""
