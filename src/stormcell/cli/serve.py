"""`stormcell serve`: a live service, from radar files that arrive to forecasts, scores and an HTTP API."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from stormcell.service.settings import ServiceSettings

__all__ = ["serve"]


def serve(
    config: Annotated[
        Path | None, typer.Argument(metavar="[SETTINGS.toml]", help="File of settings; options below and STORMCELL_SERVE_... go over it.")
    ] = None,
    watch: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder in which radar files appear.")] = None,
    source: Annotated[str | None, typer.Option(metavar="NAME", help="An open feed that brings files: see docs/sources.md.")] = None,
    folder: Annotated[Path | None, typer.Option(metavar="DIR", help="State of the service: archive, database, fields.")] = None,
    bbox: Annotated[str | None, typer.Option(metavar="W,S,E,N", help="Only this box of each scan, in degrees.")] = None,
    method: Annotated[
        list[str] | None, typer.Option("-m", "--method", metavar="NAME[*MEMBERS]", help="What forecasts, the first shown first; repeat it.")
    ] = None,
    lead: Annotated[str | None, typer.Option(help="How far ahead.")] = None,
    host: Annotated[str, typer.Option(help="Address to listen on; 127.0.0.1 is this machine alone.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8080,
    workers: Annotated[int, typer.Option(min=1, help="Web processes.")] = 1,
    web: Annotated[bool, typer.Option("--web/--no-web", help="Answer HTTP requests.")] = True,
    cycles: Annotated[
        bool, typer.Option("--cycles/--no-cycles", help="Forecast; without, only serve what another process publishes.")
    ] = True,
    once: Annotated[bool, typer.Option("--once", help="One cycle over what is there now, then stop: for cron.")] = False,
) -> None:
    """Forecast whenever a scan arrives, score the forecasts that have come true, and serve all of it over HTTP."""
    import logging
    from importlib.util import find_spec

    from stormcell.errors import MissingExtraError, StormcellError
    from stormcell.service.settings import read_settings

    for package in ("sqlalchemy", "fastapi", "uvicorn"):
        if find_spec(package) is None:
            raise MissingExtraError(package, extra="serve", purpose="the live service")

    logging.basicConfig(level=logging.INFO, format="%(levelname)-9s %(message)s")
    methods = [_method(one) for one in method] if method else None
    settings = read_settings(config, watch=watch, source=source, folder=folder, bbox=bbox, methods=methods, lead=lead)
    if not (web or cycles):
        raise StormcellError("serve: with --no-web and --no-cycles there is nothing to do")
    if (cycles or once) and settings.watch is None and settings.source is None:
        raise StormcellError(
            "serve: expected either --watch DIR, a folder with radar files, or --source NAME, a feed; with --no-cycles neither is needed, "
            "and what another process publishes is served"
        )
    if once:
        _once(settings)
        return
    from stormcell.service.supervise import cycles_beside, run_cycles

    if not web:
        run_cycles(settings)
        return
    from stormcell.service.http import serve_http

    if not cycles:
        serve_http(settings, host, port, workers)
        return
    with cycles_beside(settings):
        serve_http(settings, host, port, workers)


def _method(text: str) -> dict[str, object]:
    """ "steps*24" is an ensemble of 24."""
    name, star, members = text.rpartition("*")
    return {"name": name, "members": members} if star else {"name": text}


def _once(settings: "ServiceSettings") -> None:
    from stormcell.data.sources import Feed, source_named
    from stormcell.service.intake import Arrivals
    from stormcell.service.live import open_workshop, run_and_note
    from stormcell.service.supervise import inbox_of, timeline

    inbox = inbox_of(settings)
    if settings.source is not None:
        Feed(source_named(settings.source), inbox).poll()
    with open_workshop(settings) as workshop:
        cycle = run_and_note(workshop, Arrivals(inbox, 0.0).look(workshop.database))
    print(timeline(cycle))
    for problem in cycle.problems:
        print(f"problem   {problem}")
    if cycle.problems:
        raise typer.Exit(1)
