"""What an installation of stormcell consists of, as a CycloneDX 1.6 bill of materials: `make_sbom.py OUT [EXTRA...]`.

The Python packages are those that are installed here, each that one of them needs included; the others are inside the two web pages.
"""

import json
import sys
import tomllib
from collections.abc import Iterator, Sequence
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = ("video", "train", "digits", "cloud", "serve", "postgresql", "export")  # all but pysteps, which needs a compiler

Component = dict[str, Any]


def python_components(extras: tuple[str, ...] = EXTRAS) -> list[Component]:
    """All that pyproject.toml asks for with these extras, and what that needs in turn, in order of their names.

    Raises:
        SystemExit: a package that is needed is not installed.
    """
    found: dict[str, Component] = {}
    left = list(_asked_for(extras))
    seen: set[tuple[str, str]] = set()
    while left:
        name, extra = left.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        try:
            package = distribution(name)
        except PackageNotFoundError:
            raise SystemExit(f"{name}: is needed and not installed; make_sbom.py OUT EXTRA... takes fewer extras") from None
        found[name] = _component("pypi", name, package.version, _licence_of(package))
        left += _wanted(package.requires or [], extra)
    return [found[name] for name in sorted(found)]


def _asked_for(extras: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Package and extra of what stormcell itself needs; an extra may name others of its own."""
    yield from _wanted(PROJECT["dependencies"])
    for extra in extras:
        for name, other in _wanted(PROJECT["optional-dependencies"][extra]):
            if name != PROJECT["name"]:
                yield name, other
            elif other:
                yield from _asked_for((other,))


def _wanted(requirements: Sequence[str], extra: str = "") -> Iterator[tuple[str, str]]:
    """Package and extra of those requirements that hold here."""
    for needed in map(Requirement, requirements):
        if needed.marker is None or needed.marker.evaluate({"extra": extra}):
            yield from ((canonicalize_name(needed.name), other) for other in ("", *needed.extras))


def web_components(lock: Path = ROOT / "web/package-lock.json") -> list[Component]:
    """The packages inside the web pages, in order of their names; those that only build them are not in."""
    packages = {path.rpartition("node_modules/")[2]: one for path, one in json.loads(lock.read_text())["packages"].items() if path}
    return [
        _component("npm", name, one["version"], one.get("license"))
        for name, one in sorted(packages.items())
        if not one.get("dev") and not one.get("devOptional")
    ]


def bill(extras: tuple[str, ...] = EXTRAS) -> dict[str, Any]:
    """The whole document."""
    own = _component("pypi", PROJECT["name"], PROJECT["version"], PROJECT["license"])
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {**own, "type": "application"}},
        "components": python_components(extras) + web_components(),
    }


def _component(kind: str, name: str, version: str, licence: str | None) -> Component:
    address = f"pkg:{kind}/{name.replace('@', '%40')}@{version.replace('+', '%2B')}"
    named = {"licenses": [{"license": {"name": licence}}]} if licence else {}
    return {"type": "library", "bom-ref": address, "name": name, "version": version, "purl": address, **named}


def _licence_of(package: Distribution) -> str | None:
    """An expression, else the classifiers, else the first line of what it says."""
    about = package.metadata
    if expression := about.get("License-Expression"):
        return expression
    classes = [line.rpartition(" :: ")[2] for line in about.get_all("Classifier", []) if line.startswith("License ::")]
    said = (about.get("License") or "").strip().splitlines()
    return ", ".join(classes) or (said[0][:100] if said else None)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit("usage: make_sbom.py OUT [EXTRA...]")
    Path(sys.argv[1]).write_text(json.dumps(bill(tuple(sys.argv[2:]) or EXTRAS), indent=1) + "\n")
