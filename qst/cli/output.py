"""How commands print."""

from rich.console import Console

#: Tables are made for this many columns even where the output is a pipe, which has no width.
WIDTH = 120


def wide_console() -> Console:
    """A console that does not squeeze tables into 80 columns when nobody told it a width."""
    console = Console(soft_wrap=True)
    console.width = max(console.width, WIDTH)
    return console
