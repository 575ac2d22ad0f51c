"""Write the tables of docs/trust.md: what every method makes of every case of bad weather data.

`make trust` runs it, from the cases of the tests: tests/trust/weather.py. Half an hour, goes on where it was stopped.
"""

import json
import sys
from pathlib import Path

from tests.trust.contract import Outcome, meet, not_tried
from tests.trust.weather import CASES

from stormcell.atomic import replacing
from stormcell.methods import METHODS
from stormcell.methods.shipped import shipped_models

PAGE, KEPT = Path("docs/trust.md"), Path("benchmark-results/trust.json")
BEGIN, END = "<!-- written by make trust -->\n", "<!-- end -->\n"
FAMILIES = {
    "Without learning": [name for name in METHODS if not name.startswith("pysteps") and name not in shipped_models()],
    "Networks": list(shipped_models()),
    "Of pysteps": [name for name in METHODS if name.startswith("pysteps")],
}


def outcomes() -> dict[tuple[str, str], Outcome]:
    """(method, case) -> how it went; kept as they come."""
    kept: dict[str, list[str]] = json.loads(KEPT.read_text()) if KEPT.is_file() else {}
    for key, case in sorted(CASES.items(), key=lambda item: item[1].slow):
        for name in METHODS:
            if f"{name} {key}" not in kept:
                why = not_tried(name, case)
                kept[f"{name} {key}"] = list(Outcome("not tried", why) if why else meet(name, case))
                print(name, key, *kept[f"{name} {key}"], file=sys.stderr)
                KEPT.parent.mkdir(exist_ok=True)
                KEPT.write_text(json.dumps(kept, indent=1))
    return {(name, key): Outcome(*kept[f"{name} {key}"]) for name in METHODS for key in CASES}


def tables(found: dict[tuple[str, str], Outcome]) -> str:
    """Markdown, with numbered notes of what was said."""
    notes: dict[Outcome, int] = {}
    lines = []
    for title, names in FAMILIES.items():
        lines += [f"### {title}", "", f"| | {' | '.join(f'`{name}`' for name in names)} |", f"|---|{'---|' * len(names)}"]
        for key, case in CASES.items():
            cells = [_cell(found[name, key], notes) for name in names]
            lines.append(f"| {case.says} | {' | '.join(cells)} |")
        lines.append("")
    lines += ["### What was said", ""]
    lines += [f"{number}. {outcome.kind}: {_plain(outcome.text)}" for outcome, number in notes.items()]
    return "\n".join(lines) + "\n"


def _cell(outcome: Outcome, notes: dict[Outcome, int]) -> str:
    return outcome.kind if not outcome.text else f"{outcome.kind} {notes.setdefault(outcome, len(notes) + 1)}"


def _plain(text: str) -> str:
    """As Markdown shows it unchanged."""
    return f"`{text}`"


def main() -> None:
    page = PAGE.read_text()
    before, after = page[: page.index(BEGIN) + len(BEGIN)], page[page.index(END) :]
    with replacing(PAGE) as room:
        room.write_text(f"{before}\n{tables(outcomes())}\n{after}")
    KEPT.unlink()


if __name__ == "__main__":
    main()
