"""The command line. Each command is a short file here; nothing heavy is imported until a command runs."""

import sys
from typing import NoReturn

import typer

from stormcell.cli.adapt import adapt
from stormcell.cli.benchmark import benchmark
from stormcell.cli.calibrate import calibrate
from stormcell.cli.demo import demo
from stormcell.cli.info import info
from stormcell.cli.ingest import ingest
from stormcell.cli.lab import lab
from stormcell.cli.models import models
from stormcell.cli.nowcast import nowcast
from stormcell.cli.serve import serve
from stormcell.cli.train import train
from stormcell.cli.verify import verify

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
app.command()(ingest)
app.command()(demo)
app.command()(train)
app.command()(verify)
app.command()(calibrate)
app.command()(adapt)
app.command()(benchmark)
app.command()(serve)
app.add_typer(models, name="models")
app.add_typer(lab, name="lab")


@app.callback(invoke_without_command=True)
def _options(version: bool = typer.Option(False, "--version", help="Print the version and stop.")) -> None:
    if version:
        from stormcell import __version__

        typer.echo(f"stormcell {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line; an error that stormcell foresees is one line on stderr and exit status 2."""
    import gc
    import signal

    from stormcell.errors import StormcellError

    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # so that what is half-written is removed
    try:
        app()
    except StormcellError as error:
        _stop(str(error))
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our words has gone, and needs none about it
        sys.exit(1)
    except MemoryError as error:
        _stop(f"not enough memory ({error}); crop the grid, or ask for fewer lead times")
    except OSError as error:
        _stop(f"{error.filename or 'the system'}: {error.strerror or error}")
    finally:
        gc.freeze()  # or the end of the process would look for garbage among all the modules there are, which takes a third of a second


def _stop(message: str) -> NoReturn:
    print(f"stormcell: error: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(2)
