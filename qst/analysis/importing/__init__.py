"""Thresholds that were not recorded by the suite: written down by hand, or exported by another program."""
