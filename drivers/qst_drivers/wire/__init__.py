"""Codecs: bytes in, replies out. No input or output, no clock, no logging in here."""
