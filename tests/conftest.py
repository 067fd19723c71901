"""How all tests are run."""

import os


def pytest_xdist_auto_num_workers() -> int:
    """One process more than there are cores: browsers, sockets and pseudo-terminals are mostly waited for."""
    return (os.cpu_count() or 1) + 1
