"""A calibration as a JSON file: beside the checkpoint that it belongs to, or in a folder of its own."""

import json
from dataclasses import asdict
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from stormcell.atomic import replacing
from stormcell.errors import MethodError, ReadError
from stormcell.methods.calibration import Calibration

__all__ = ["NAME", "read_calibration", "write_calibration"]

NAME = "calibration.json"
_MAX_BYTES = 2**24
_ADAPTER = TypeAdapter(Calibration)


def write_calibration(calibration: Calibration, folder: str | Path) -> Path:
    """Write `calibration.json` into a folder, which is made if it is not there; an older one is replaced as a whole.

    Raises:
        WriteError: the file cannot be written.
        MethodError: `data` holds what JSON has no words for.
    """
    path = Path(folder) / NAME
    try:
        text = json.dumps(asdict(calibration), ensure_ascii=False, allow_nan=False)
        _ADAPTER.validate_json(text)
    except (TypeError, ValueError) as error:
        raise MethodError(f"calibration: cannot be stored as JSON ({str(error).splitlines()[0]}); nothing was written") from error
    with replacing(path) as beside:
        beside.write_text(text + "\n", encoding="utf-8")
    return path


def read_calibration(folder: str | Path) -> Calibration:
    """Read what `write_calibration` wrote. The file is taken for a stranger's: unknown keys, wrong types and odd numbers are errors.

    Args:
        folder: that holds `calibration.json`, or the file itself.

    Raises:
        ReadError: there is no such file, or it is too large, broken, or no calibration.
    """
    path = Path(folder) if Path(folder).is_file() else Path(folder) / NAME
    if not path.is_file():
        raise ReadError(f"{folder}: expected a folder with {NAME}; 'stormcell calibrate' writes one")
    if path.stat().st_size > _MAX_BYTES:
        raise ReadError(f"{path}: is larger than {_MAX_BYTES // 2**20} MiB, which no calibration is; look into it by hand")
    try:
        return _ADAPTER.validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ReadError(f"{path}: {where}: {first['msg']}; this is no calibration of format 1, calibrate anew") from error
    except OSError as error:
        raise ReadError(f"{path}: cannot be read ({error.strerror or error})") from error
