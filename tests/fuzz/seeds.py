"""Small good files of every format, from which mutants are made: by the writers of the tests, and shrunk from real files where they are."""

import bz2
import gzip
import io
import os
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr

from tests.data import radar_files as make
from tests.fuzz.folder_edits import write_folder

__all__ = ["FORMATS", "Seed", "real_files", "seeds_of", "write_seeds"]

Seed = bytes | dict[str, bytes]  # a file, or a folder of them

_CF_GRID = {"grid_mapping_name": "latitude_longitude"}


@cache
def seeds_of(name: str) -> list[Seed]:
    """The good files of a format; the same ones, byte by byte, whenever it is asked."""
    with tempfile.TemporaryDirectory(prefix="stormcell-seeds-") as folder:
        return FORMATS[name](Path(folder))


def write_seeds(name: str, folder: Path) -> list[Path]:
    """The good files of a format, in a new folder."""
    folder.mkdir()
    paths = []
    for number, seed in enumerate(seeds_of(name)):
        path = folder / (f"{number}.zarr" if isinstance(seed, dict) else str(number))
        write_folder(path, seed, {}) if isinstance(seed, dict) else path.write_bytes(seed)
        paths.append(path)
    return paths


def real_files(folder: str) -> list[Path]:
    """Files of the real data, none where it is not there."""
    data = Path(os.environ.get("STORMCELL_TEST_DATA", "../shared/radar")) / folder
    return sorted(data.iterdir()) if data.is_dir() else []


def _unpacked(path: Path) -> bytes:
    content = path.read_bytes()
    return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else bz2.decompress(content) if content[:3] == b"BZh" else content


def _odim(folder: Path) -> list[Seed]:
    wide = np.arange(48, dtype=np.uint8).reshape(6, 8)
    seeds: list[Seed] = [
        make.odim(folder / "a").read_bytes(),
        make.odim(folder / "b", wide, where={"xsize": 8, "ysize": 6}, what={"offset": 0.0}, quantity="RATE").read_bytes(),
        make.odim(folder / "c", what={"offset": 0.0}, quantity="ACRR").read_bytes(),
    ]
    composites = {lead: make.rv_composite(np.ones((3, 4)), "2026-07-01T12:00", lead) for lead in (0, 5)}
    seeds.append(make.rv_tar(folder / "d", composites).read_bytes())
    for path in [*real_files("events/opera_odyssey_2018-08-24")[:1], *real_files("events/opera_cirrus_2024-11-26")[:1]]:
        seeds.append(_shrunk(path, "dataset1/data1/data", _as_odim))
    return seeds


def _shrunk(path: Path, image: str, fit: Callable[[h5py.File], None], rows: int = 6, columns: int = 8) -> bytes:
    """A real HDF5 file with all that it says of itself, and a piece of its image."""
    buffer = io.BytesIO()
    with h5py.File(path) as file, h5py.File(buffer, "w") as small:

        def copy(name: str, node: Any) -> None:
            if isinstance(node, h5py.Group):
                beside = small.require_group(name)
            elif name == image:
                top, left = (size // 2 for size in node.shape)
                beside = small.create_dataset(name, data=node[top : top + rows, left : left + columns], compression="gzip")
            elif node.size is not None and node.size < 5000:
                beside = small.create_dataset(name, data=node[()])
            else:
                return
            _copy_attrs(node, beside)

        _copy_attrs(file, small)
        file.visititems(copy)
        fit(small)
    return buffer.getvalue()


def _copy_attrs(node: Any, beside: Any) -> None:
    for key, value in node.attrs.items():
        if key not in ("DIMENSION_LIST", "REFERENCE_LIST", "CLASS"):
            beside.attrs[key] = value


def _as_odim(small: h5py.File) -> None:
    where = small["where"].attrs
    for corner in ("LL", "UR", "LR"):
        for axis in ("lon", "lat"):
            if f"{corner}_{axis}" in where and f"UL_{axis}" in where:
                del where[f"{corner}_{axis}"]
    where["xsize"], where["ysize"] = 8, 6


def _knmi(folder: Path) -> list[Seed]:
    reflectivity = {"formula": "GEO=0.5*PV+-31.5", "parameter": "REFLECTIVITY_[DBZ]"}
    seeds: list[Seed] = [
        make.knmi(folder / "a").read_bytes(),
        make.knmi(folder / "b", np.arange(48, dtype=np.uint8).reshape(6, 8), **reflectivity).read_bytes(),
    ]
    for path in real_files("events/knmi_2010-08-26")[:1]:
        seeds.append(_shrunk(path, "image1/image_data", lambda small: None))
    return seeds


def _fmi(folder: Path) -> list[Seed]:
    seeds: list[Seed] = [make.fmi(folder / "a", packed=False).read_bytes()]
    for path in real_files("events/fmi_2016-09-28")[:1]:
        content = _unpacked(path)
        start = content.index(b"\n760 1226\n")
        seeds.append(content[:start] + b"\n8 6\n255\n" + content[-400_000:][:48])
    return seeds


def _meteoswiss(folder: Path) -> list[Seed]:
    seeds: list[Seed] = [make.meteoswiss(folder / "a").read_bytes()]
    seeds += [_unpacked(path) for path in real_files("events/meteoswiss_2015-05-15")[:1]]
    return seeds


def _bom(folder: Path) -> list[Seed]:
    seeds: list[Seed] = [make.bom(folder / "a").read_bytes()]
    for path in real_files("events/bom_melbourne_2018-06-16")[:1]:
        seeds.append(_shrunk(path, "precipitation", _as_bom))
    return seeds


def _as_bom(small: h5py.File) -> None:
    for name, size in (("x", 8), ("y", 6)):
        values, attrs = small[name][:size], dict(small[name].attrs)
        del small[name]
        small[name] = values
        small[name].attrs.update(attrs)


def _mrms(folder: Path) -> list[Seed]:
    return [
        make.mrms(folder / packing, packing=packing).read_bytes() for packing in ("SIMPLE_PACKING", "PNG", "JPEG2000", "COMPLEX_PACKING")
    ]


def _radolan(folder: Path) -> list[Seed]:
    archive = {lead: make.radolan(folder / f"{lead}", product="RV", lead=lead, packed=False).read_bytes() for lead in (0, 5)}
    seeds: list[Seed] = [
        make.radolan(folder / "a", packed=False).read_bytes(),
        make.radolan(folder / "b", product="RX", packed=False).read_bytes(),
        make.rv_tar(folder / "c", archive).read_bytes(),
    ]
    seeds += [_unpacked(path) for path in real_files("formats/radolan") if path.stat().st_size < 300_000 and ".tar" not in path.name][:2]
    return seeds


def _series(standard_name: str, units: str) -> xr.Dataset:
    times = np.datetime64("2024-07-01T12:00", "ns") + np.arange(3) * np.timedelta64(5, "m")
    values = np.arange(36, dtype=np.float32).reshape(3, 3, 4)
    coords = {"time": times, "lat": ("lat", [48.02, 48.01, 48.0], {"units": "degrees_north"}),
              "lon": ("lon", [8.0, 8.01, 8.02, 8.03], {"units": "degrees_east"})}  # fmt: skip
    attrs = {"standard_name": standard_name, "units": units, "grid_mapping": "crs"}
    dataset = xr.Dataset({"field": (("time", "lat", "lon"), values, attrs)}, coords=coords)
    return dataset.assign(crs=((), np.int32(0), _CF_GRID)).assign_attrs(title="a test")


def _cf(folder: Path) -> list[Seed]:
    rates = _series("rainfall_rate", "mm h-1")
    packed = {"field": {"zlib": True, "dtype": "i2", "scale_factor": 0.1, "_FillValue": -1}}
    rates.to_netcdf(folder / "a", engine="h5netcdf", encoding=packed)
    _series("equivalent_reflectivity_factor", "dBZ").to_netcdf(folder / "b", engine="scipy")
    _series("rainfall_amount", "mm").to_netcdf(folder / "c", engine="h5netcdf")
    return [(folder / name).read_bytes() for name in "abc"]


def _zarr(folder: Path) -> list[Seed]:
    from stormcell.data.archive import Archive
    from stormcell.data.read import read
    from stormcell.frames import grid_of, step_of

    rates = _series("rainfall_rate", "mm h-1")
    rates.to_zarr(folder / "v3.zarr", zarr_format=3, consolidated=False)
    rates.to_zarr(folder / "v2.zarr", zarr_format=2, consolidated=False)
    rates.to_netcdf(folder / "a.nc", engine="h5netcdf")
    frames = read(folder / "a.nc")
    with Archive.create(folder / "own.zarr", grid_of(frames), step_of(frames), start=frames["time"].values[0]) as archive:
        archive.append(frames)
    return [_tree(folder / name) for name in ("v3.zarr", "v2.zarr", "own.zarr")]


def _tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


FORMATS: dict[str, Callable[[Path], list[Seed]]] = {
    "odim": _odim,
    "knmi": _knmi,
    "bom": _bom,
    "fmi": _fmi,
    "meteoswiss": _meteoswiss,
    "mrms": _mrms,
    "radolan": _radolan,
    "cf": _cf,
    "zarr": _zarr,
}
