"""Make src/stormcell/products/coastlines.npz: the coastlines and country borders that lie over the pictures.

    npm pack world-atlas@2.0.2 && tar -xzf world-atlas-2.0.2.tgz
    python tools/make_coastlines.py package/countries-10m.json src/stormcell/products/coastlines.npz

The shapes are Natural Earth's 1:10m Admin 0 countries (public domain, naturalearthdata.com), packed as TopoJSON by world-atlas.
TopoJSON cuts them into arcs that neighbours share: an arc that one country uses is coast, one that two use is a border.
An arc is a walk over a lattice of whole quanta (0.0036 x 0.0017 degrees); so is what is written, with the long strides cut until
a stride fits into 8 bits. Short strides serve the map as well: no line can then jump over a small grid, or bend the wrong way.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

LONGEST_STRIDE = 120  # quanta; below 127, so that rounding stays within 8 bits
LICENCE = "Natural Earth 1:10m Admin 0 countries, public domain, https://www.naturalearthdata.com; TopoJSON by world-atlas 2.0.2 (ISC)"


def arcs_used(geometry: dict[str, Any]) -> set[int]:
    """Numbers of the arcs of a country; TopoJSON writes ~n for arc n walked backwards."""

    def flat(item: Any) -> Iterator[int]:
        if isinstance(item, int):
            yield item if item >= 0 else ~item
        else:
            for part in item:
                yield from flat(part)

    return set(flat(geometry.get("arcs", [])))


def real_parts(points: NDArray[np.int64], last: int) -> Iterator[NDArray[np.int64]]:
    """The arc without the cuts that shapes need and the earth does not have: the 180th meridian and the southern edge of the data."""
    on_cut = np.isin(points[:, 0], (0, last)), points[:, 1] == 0
    artificial = np.abs(np.diff(points[:, 0])) > last // 2  # from one side of the map to the other
    for cut in on_cut:
        artificial |= cut[:-1] & cut[1:]
    for part in np.split(points, np.flatnonzero(artificial) + 1):
        if len(part) > 1:
            yield part


def with_short_strides(points: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same line with points put in until no stride is longer than `LONGEST_STRIDE` along either axis."""
    pieces = np.maximum(1, -(-np.abs(np.diff(points, axis=0)).max(axis=1) // LONGEST_STRIDE))
    position = np.concatenate([[0], np.cumsum(pieces)])
    every = np.arange(position[-1] + 1)
    return np.stack([np.interp(every, position, points[:, axis]).round().astype(np.int64) for axis in (0, 1)], axis=1)


def main(source: str, target: str) -> None:
    """Read the TopoJSON, write the npz."""
    topology = json.loads(Path(source).read_text())
    users = Counter(arc for country in topology["objects"]["countries"]["geometries"] for arc in arcs_used(country))
    last = round(360 / topology["transform"]["scale"][0])
    parts = [
        (with_short_strides(part), users[number] > 1)
        for number, arc in enumerate(topology["arcs"])
        if users[number]
        for part in real_parts(np.cumsum(np.array(arc), axis=0), last)
    ]
    strides = np.concatenate([np.diff(points, axis=0) for points, _ in parts])
    assert np.abs(strides).max() <= np.iinfo(np.int8).max
    np.savez_compressed(
        target,
        starts=np.array([points[0] for points, _ in parts], dtype=np.int32),
        strides_lon=strides[:, 0].astype(np.int8),
        strides_lat=strides[:, 1].astype(np.int8),
        counts=np.array([len(points) - 1 for points, _ in parts], dtype=np.int32),
        is_border=np.array([border for _, border in parts]),
        quantum=np.array(topology["transform"]["scale"]),
        origin=np.array(topology["transform"]["translate"]),
        licence=np.array(LICENCE),
    )
    print(f"{target}: {len(parts)} lines, {len(strides)} strides, {Path(target).stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main(*sys.argv[1:])
