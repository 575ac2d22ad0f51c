"""A client that knows RainViewer and nothing of stormcell: every picture of the list, one file each.

python rainviewer_client.py http://127.0.0.1:8080 46.95 7.45 pictures
"""

import json
import sys
from pathlib import Path
from urllib.request import urlopen


def pictures(service: str, latitude: str, longitude: str, folder: Path) -> None:
    """Radar and nowcast around a place, 512 pixels wide, at zoom 7."""
    with urlopen(f"{service}/public/weather-maps.json", timeout=30) as answer:
        maps = json.load(answer)
    folder.mkdir(parents=True, exist_ok=True)
    for kind in ("past", "nowcast"):
        for frame in maps["radar"][kind]:
            with urlopen(f"{maps['host']}{frame['path']}/512/7/{latitude}/{longitude}/2/1_1.png", timeout=30) as answer:
                (folder / f"{frame['time']}-{kind}.png").write_bytes(answer.read())


if __name__ == "__main__":
    pictures(sys.argv[1], sys.argv[2], sys.argv[3], Path(sys.argv[4]))
