"""The live service: scans come in, forecasts go out, and every forecast is scored when its time has come.

settings    what a service may be told
cycle       what happens when scans come in, one function to read
live        the loop around it: wait for scans, one cycle, again
database    what is published, and the scores (SQLite, PostgreSQL)
fields      the fields that are published (a folder, object storage)
decode      foreign files are read by a process with limits

Import from the modules; nothing here is loaded by `import stormcell`.
"""
