"""The whole story: radar files in, a forecast out. Run it in a folder that holds `radar/`."""

from stormcell.data.read import read
from stormcell.methods.advection import Advection
from stormcell.motion import lucas_kanade
from stormcell.products.netcdf import write_netcdf
from stormcell.timeline import minutes

past = read("radar", last=4)  # (time=4, y, x) [mm h-1]
advection = Advection(estimate=lucas_kanade)
forecast = advection(past, minutes(5, 60, step=5))  # (member=1, lead_time=12, y, x) [mm h-1]
write_netcdf(forecast, "nowcast.nc")
