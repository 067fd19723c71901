"""The command line. Each command's module is imported only when it runs, so that ``qst --help`` answers at once."""

import importlib
import sys
from collections.abc import Mapping, Sequence
from typing import Any, cast

import click

from qst import __version__

#: Command -> (module, line in the overview).
_COMMANDS: Mapping[str, tuple[str, str]] = {
    "protocols": ("qst.cli.show", "List the shipped protocols."),
    "devices": ("qst.cli.show", "List installed drivers and simulators and what they can do."),
    "check": ("qst.cli.check", "Validate a protocol and print its plan: trials, duration, thermal dose."),
    "ports": ("qst.cli.ports", "List serial ports and VISA resources; find out who is there."),
    "probe": ("qst.cli.probe", "Connect a station's instruments, test them, and stimulate nobody."),
    "run": ("qst.cli.run", "Run a visit."),
    "resume": ("qst.cli.run", "Go on with an interrupted visit at its next trial."),
    "verify": ("qst.cli.verify", "Check that visit logs are whole and unedited."),
    "summary": ("qst.cli.summary", "Print the summary values of visits."),
    "thresholds": ("qst.cli.thresholds", "Make one table of all attempts, one row each."),
    "plot": ("qst.cli.plot", "Draw traces, body map, thresholds over visits, or pressure rates."),
    "report": ("qst.cli.report", "Write the report of a visit for the study file: one HTML page."),
    "correct": ("qst.cli.correct", "Add a correction to an analyst's overlay file; the log stays as it is."),
    "template": ("qst.cli.importing", "Write a CSV template for thresholds that are written down by hand."),
    "import-csv": ("qst.cli.importing", "Make a table of a filled-in template."),
    "import-mms": ("qst.cli.importing", "Make tables of a Medoc Main Station result workbook."),
    "console": ("qst.cli.console", "Run visits from a page in the browser, on this computer."),
    "simulate": ("qst.cli.simulate", "Serve simulated devices over sockets, pseudo-terminals and serial ports."),
    "schema": ("qst.cli.show", "Print the JSON Schema of protocol or station files."),
}


class _LazyGroup(click.Group):
    """Knows the commands by name and help line, and loads one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """In the order of work, not of the alphabet."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - likewise
        """Import the command's module."""
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(_COMMANDS[cmd_name][0])
        return cast("click.Command", getattr(module, cmd_name.replace("-", "_")))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - likewise
        """The overview, without importing any command."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.command(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="qst")
def qst() -> None:
    """Run quantitative sensory testing visits, on real or simulated instruments.

    Research software, not a medical device. Try it: qst run fibromyalgia-visit --simulate
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the ``qst`` command. Exit codes: 0 done, 1 not completed or a problem found, 2 wrong input."""
    _speak_utf8()
    sys.exit(_run(list(sys.argv[1:] if arguments is None else arguments)))


def _speak_utf8() -> None:
    """Windows consoles and pipes default to a code page without °; what we print is UTF-8 everywhere."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8")


def _run(arguments: list[str]) -> int:
    from qst.errors import InputError, QstError  # noqa: PLC0415 - not needed for --help

    try:
        result: Any = qst.main(args=arguments, prog_name="qst", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return 2
    except click.Abort:
        click.echo("interrupted", err=True)
        return 1
    except InputError as error:
        click.echo(error.report(), err=True)
        return 2
    except QstError as error:
        click.echo(error.report(), err=True)
        return 1
    except BrokenPipeError:
        return 1
    return result if isinstance(result, int) else 0
