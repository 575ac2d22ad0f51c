"""The routes of the web service, one file for each kind of question."""

from stormcell.service.routes import coverages, downloads, edr, events, forecasts, health, points, rainviewer, scores, tiles

__all__ = ["ROUTERS"]

ROUTERS = tuple(module.ROUTER for module in (points, tiles, health, forecasts, downloads, scores, events, rainviewer, edr, coverages))
"""All of them, in the order in which a path is looked for: what is asked most comes first."""
