"""From a station file to drivers over links: the one place where the core's users reach for drivers and simulators."""
