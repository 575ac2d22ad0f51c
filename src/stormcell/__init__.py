"""stormcell: weather-radar images to a forecast of rain for the next minutes to hours.

>>> import stormcell as sc
>>> past = sc.read("radar/*.h5")  # doctest: +SKIP
>>> forecast = sc.nowcast(past, lead="2h")  # doctest: +SKIP
>>> sc.write_netcdf(forecast, "nowcast.nc")  # doctest: +SKIP

Nothing heavy is loaded until one of these names is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stormcell.benchmark.run import verify
    from stormcell.data.read import read
    from stormcell.data.synthetic import synthetic_storm
    from stormcell.methods.nowcast import nowcast
    from stormcell.products.cog import write_geotiffs
    from stormcell.products.ensemble.dataset import ensemble_products
    from stormcell.products.images import write_animation, write_pngs
    from stormcell.products.netcdf import read_forecast, write_netcdf, write_products
    from stormcell.products.page import write_page

__all__ = [
    "ensemble_products",
    "nowcast",
    "read",
    "read_forecast",
    "synthetic_storm",
    "verify",
    "write_animation",
    "write_geotiffs",
    "write_netcdf",
    "write_page",
    "write_pngs",
    "write_products",
]

__version__ = "0.1.0"

_HOMES = {
    "ensemble_products": "stormcell.products.ensemble.dataset",
    "nowcast": "stormcell.methods.nowcast",
    "read": "stormcell.data.read",
    "read_forecast": "stormcell.products.netcdf",
    "synthetic_storm": "stormcell.data.synthetic",
    "verify": "stormcell.benchmark.run",
    "write_animation": "stormcell.products.images",
    "write_geotiffs": "stormcell.products.cog",
    "write_netcdf": "stormcell.products.netcdf",
    "write_page": "stormcell.products.page",
    "write_pngs": "stormcell.products.images",
    "write_products": "stormcell.products.netcdf",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'stormcell' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
