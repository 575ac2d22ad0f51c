"""The map page, as the build of `web/` left it in the package; where it was not built, a page that says how."""

from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from stormcell.service.security import PAGE_POLICY

__all__ = ["add_map_page", "is_page"]

_YEAR = "public, max-age=31536000, immutable"
_NOT_BUILT = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>stormcell</title>
<h1>The map is not built</h1>
<p>The service runs, and its forecasts are at <a href="v1/status">/v1/status</a>; but this installation comes without the map page.
To build it in the source tree, with Node 20 or newer: <code>cd web; npm ci; npm run build:map</code>. Wheels have it built in.</p>
</html>
"""


def static_folder() -> Path:
    """Where the build of the page lies, if it was built."""
    return Path(str(files("stormcell.service"))) / "static"


def is_page(path: str) -> bool:
    """Whether a request is for the page or its parts, which hold no data and need no key."""
    return path in ("/", "/index.html", "/icon.svg", "/licences.txt") or path.startswith("/assets/")


def add_map_page(app: FastAPI) -> None:
    """Serve the page at / behind all routes; its scripts have names that change with their content, so they may be kept for good."""
    folder = static_folder()
    if (folder / "index.html").is_file():
        app.mount("/", _Page(directory=folder, html=True, follow_symlink=False), name="map")
        return

    @app.get("/", include_in_schema=False)
    async def not_built(request: Request) -> HTMLResponse:
        return HTMLResponse(_NOT_BUILT)


class _Page(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Content-Security-Policy"] = PAGE_POLICY  # of a 304 too, whose headers replace those the browser has
        response.headers["Cache-Control"] = _YEAR if path.startswith("assets/") else "no-cache"
        return response
