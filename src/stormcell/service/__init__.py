"""The live service: scans come in, forecasts go out, and every forecast is scored when its time has come.

settings    what a service may be told
cycle       what happens when scans come in, one function to read
live        the loop around it: wait for scans, one cycle, again
database    what is published, and the scores (SQLite, PostgreSQL)
fields      the fields that are published (a folder, object storage)
decode      foreign files are read by a process with limits
app, http   the HTTP API, of `routes`: it only reads, in as many processes as you like
map_page    the page built from web/map
keep_alive  a process that dies is started again
supervise   both side by side, as `stormcell serve` runs them

Import from the modules; nothing here is loaded by `import stormcell`.
"""
