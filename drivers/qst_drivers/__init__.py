"""Drivers: links, codecs and one module a device."""
