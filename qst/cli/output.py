"""How commands print."""

from rich.console import Console

#: Tables are made for this many columns where the output is a pipe or a file, which has no width of its own.
WIDTH = 140


def wide_console() -> Console:
    """A console that fits a terminal, and does not squeeze tables into 80 columns where there is none."""
    console = Console(soft_wrap=True)
    if not console.is_terminal:
        console.width = WIDTH
    return console
