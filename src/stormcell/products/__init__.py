"""What leaves the house: NetCDF, GeoTIFF, pictures and animations.

netcdf      CF NetCDF out, and forecasts back in
ensemble    what an ensemble says: probabilities, quantiles, means, start and end of rain
cog         a Cloud-Optimized GeoTIFF per lead time
images      GIF, MP4 and PNG
page        those pictures with a time slider
pictures    how one of those pictures is made
colours     the colour tables
coastlines  coastlines and borders for any grid

Import from the modules; matplotlib, Pillow and rasterio are loaded only when something is written.
"""
