"""How the documentation is built: `sphinx-build -W -b html docs docs/_build/html`. Nothing is fetched, then or when it is read."""

import re
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "extensions"))

project = "stormcell"
author = "the stormcell authors"
copyright = author
release = re.search(r'^version = "(.+)"', (HERE.parent / "pyproject.toml").read_text(), re.MULTILINE)[1]
version = release

extensions = ["myst_parser", "plain_docstrings", "public", "beyond_the_pages", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "extensions", "**/.*"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
suppress_warnings = ["myst.header"]  # the tools' benchmark pages may skip a level

autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_default_options = {"members": True}
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
napoleon_custom_sections = ["Shapes", "Source"]
nitpicky = True
nitpick_ignore_regex = [
    (r"py:.*", r"(?!stormcell\.).*"),  # of other packages, whose inventories are not fetched
    (r"py:.*", r"stormcell\..*\.(_\w+|Document|Event|Item|Slots|Task|WholeArchive)"),  # in annotations, but in no `__all__`
]

html_theme = "furo"
html_title = f"stormcell {release}"
html_show_sphinx = False
html_static_path = ["static"]
html_css_files = ["site.css"]
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#0b5c8a", "color-brand-content": "#0b5c8a"},
    "dark_css_variables": {"color-brand-primary": "#7cc4ee", "color-brand-content": "#7cc4ee"},
}
html_extra_path = ["_build/extra"] if (HERE / "_build" / "extra" / "book" / "index.html").exists() else []
