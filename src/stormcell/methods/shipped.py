"""The trained models that come with the package, each a folder of `stormcell/models/`."""

import json
from pathlib import Path

from stormcell.errors import MethodError

__all__ = ["is_guided", "model_folder", "shipped_models", "stands"]

_MODELS = Path(__file__).parents[1] / "models"


def shipped_models() -> dict[str, Path]:
    """Name -> folder, in alphabetical order."""
    folders = sorted(_MODELS.iterdir()) if _MODELS.is_dir() else []
    return {folder.name: folder for folder in folders if (folder / "config.json").is_file()}


def model_folder(model: str | Path) -> Path:
    """The folder of a model: one that ships, by its name, or any other.

    Raises:
        MethodError: neither a name that ships nor a folder.
    """
    shipped = shipped_models()
    if str(model) in shipped:
        return shipped[str(model)]
    folder = Path(model)
    if not stands(folder):
        raise MethodError(
            f"unknown model {str(model)!r}: expected the folder of a checkpoint, or one that ships: {', '.join(shipped) or 'none does'}"
        )
    return folder


def stands(folder: Path) -> bool:
    """Whether there is a model's folder, or, while another takes its place, the one before it."""
    return folder.is_dir() or folder.with_name(f".{folder.name}.previous").is_dir()


def is_guided(model: str | Path) -> bool:
    """Whether its network is guided by a first guess, as far as its configuration can be read; what it is worth is seen on loading."""
    try:
        with (model_folder(model) / "config.json").open("rb") as file:
            said = json.loads(file.read(2**20))
    except (OSError, ValueError):
        return False
    return isinstance(said, dict) and said.get("network") == "guided"
