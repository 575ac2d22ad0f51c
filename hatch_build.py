"""The pages of `web/` go into wheels: built here if they are not there yet and Node is; without them all else still works."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

STATIC, LAB = Path("src/stormcell/service/static"), Path("src/stormcell/lab/interactive/built")
BUILT = {
    "build:map": (STATIC / "index.html", STATIC / "licences.txt"),
    "build:lab": (LAB / "interactive.js", LAB / "interactive-licences.txt"),
}


class WebPages(BuildHookInterface):
    """Runs before a wheel is put together."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build what is missing; an editable installation uses what its source tree has."""
        root = Path(self.root)
        missing = [script for script, pages in BUILT.items() if not all((root / page).is_file() for page in pages)]
        if version == "editable" or not missing or not (root / "web").is_dir():
            return
        if not shutil.which("npm"):
            self.app.display_warning(f"no Node here: this wheel has no web pages ({', '.join(missing)})")
            return
        subprocess.run(["npm", "ci", "--silent"], cwd=root / "web", check=True)
        for script in missing:
            subprocess.run(["npm", "run", "--silent", script], cwd=root / "web", check=True)
