"""Sources of radar files: each brings the files of one kind of open feed to this machine, to be read later.

To add a source, write a class with the three members of `Source` in a file of its own and list it below, or publish it from another
package under the entry point group ``stormcell.sources``: a callable that takes its settings by name.
"""

from stormcell.data.sources.failure import BusyError, SourceError
from stormcell.data.sources.feed import Feed, Poll
from stormcell.data.sources.feeding import feeding
from stormcell.data.sources.inputs import bring_inputs
from stormcell.data.sources.latest import latest
from stormcell.data.sources.limits import Limits
from stormcell.data.sources.named import SOURCES, source_named
from stormcell.data.sources.source import About, Remote, Source
from stormcell.data.sources.web import Web

__all__ = [
    "SOURCES",
    "About",
    "BusyError",
    "Feed",
    "Limits",
    "Poll",
    "Remote",
    "Source",
    "SourceError",
    "Web",
    "bring_inputs",
    "feeding",
    "latest",
    "source_named",
]
