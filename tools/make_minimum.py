"""The lower bounds of pyproject.toml as pins, into constraints-minimum.txt: what `make test-minimum` tests with.

Tools that only developers use (the extras dev and docs) are left free, unless one is a part of the package's own extras as well.
"""

import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
MINIMUM = ROOT / "constraints-minimum.txt"
OF_DEVELOPERS = {"dev", "docs"}
PINNED = {"torch"}  # by constraints.txt, everywhere
HEAD = "# Made by tools/make_minimum.py from the lower bounds in pyproject.toml: use it together with constraints.txt, which pins torch.\n"


def minimum(pyproject: Path) -> str:
    """The text of constraints-minimum.txt.

    Raises:
        ValueError: a dependency without a lower bound, or with two that differ.
    """
    project = tomllib.loads(pyproject.read_text())["project"]
    extras = [listed for extra, listed in project["optional-dependencies"].items() if extra not in OF_DEVELOPERS]
    floors: dict[str, str] = {}
    for requirement in map(Requirement, [*project["dependencies"], *(line for extra in extras for line in extra)]):
        if requirement.name in PINNED | {project["name"]}:
            continue
        floor = next((bound.version for bound in requirement.specifier if bound.operator == ">="), None)
        if floor is None or floors.setdefault(requirement.name, floor) != floor:
            raise ValueError(f"expected one lower bound of {requirement.name}, got {floors.get(requirement.name)} and {floor}")
    return HEAD + "".join(f"{name}=={floor}\n" for name, floor in sorted(floors.items()))


if __name__ == "__main__":
    MINIMUM.write_text(minimum(ROOT / "pyproject.toml"))
