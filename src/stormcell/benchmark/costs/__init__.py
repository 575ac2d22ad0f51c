"""What every method costs on every domain in every runtime, beside the rates that the machine reaches; a part of `benchmark nowcast`.

`choice` says which combinations there are, `domain` makes their scans, `measure` runs each in a process of its own, which is `stages`;
`rates` are the machine's. `record` is what is kept of it, `table` prints it, and `comparison` holds two of them against each other.
"""
