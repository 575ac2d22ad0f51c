"""The command line. Each command is a short file here; nothing heavy is imported until a command runs."""

import sys

import typer

from stormcell.cli.benchmark import benchmark
from stormcell.cli.demo import demo
from stormcell.cli.info import info
from stormcell.cli.nowcast import nowcast

__all__ = ["app", "main"]

app = typer.Typer(
    name="stormcell",
    help="Rain nowcasting from weather radar: radar files in, a forecast of the next hours out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(nowcast)
app.command()(info)
app.command()(demo)
app.command()(benchmark)


@app.callback(invoke_without_command=True)
def _options(version: bool = typer.Option(False, "--version", help="Print the version and stop.")) -> None:
    if version:
        from stormcell import __version__

        typer.echo(f"stormcell {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line; an error that stormcell foresees is one line on stderr and exit status 2."""
    from stormcell.errors import StormcellError

    try:
        app()
    except StormcellError as error:
        message = " ".join(str(error).split())
        print(f"stormcell: error: {message}", file=sys.stderr)
        sys.exit(2)
