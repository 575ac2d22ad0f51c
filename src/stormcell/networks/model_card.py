"""The page for people beside a network's weights: what it is for, what it learnt from, how well it does, how to use it."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from stormcell.data.licence import spdx
from stormcell.errors import StormcellError

__all__ = ["model_card"]

_TAGS = ("precipitation", "nowcasting", "weather-radar", "recurrent-neural-network")


def model_card(config: Mapping[str, Any], *, title: str, parameters: int, megabytes: float) -> str:
    """Markdown with a head in YAML, as the Hugging Face hub reads it.

    Args:
        config: what config.json holds; `data`, `training` and `scores` become tables, whatever their keys.
        title: heading.
        parameters: how many weights.
        megabytes: size of the weights' file.
    """
    return f"{_head(config)}\n{_body(config, title, parameters, megabytes)}"


def _head(config: Mapping[str, Any]) -> str:
    """YAML; words are written as JSON strings, which YAML reads the same whatever is in them.

    The licence is that of the data where it has an identifier: what may be done with weights depends on what they learnt from.
    """
    try:
        licence = spdx(str(config["data"].get("licence", ""))).lower()
    except StormcellError:
        licence = "other"
    lines = ["---", "library_name: stormcell", f"license: {licence}", "pipeline_tag: time-series-forecasting", "tags:"]
    lines += [f"- {json.dumps(tag)}" for tag in (*_TAGS, config["network"])]
    return "\n".join([*lines, "---", ""])


def _warning(config: Mapping[str, Any]) -> str:
    place = "the weather of the places named below" if "others" in config["data"] else "the weather of one place"
    return f"A forecast by a network is smooth where it is unsure, and it has learnt {place}."


def _body(config: Mapping[str, Any], title: str, parameters: int, megabytes: float) -> str:
    past, future, step = config["past_steps"], config["future_steps"], config["step_minutes"]
    grey = config["representation"]["quantity"] == "grey"
    scale = config["representation"]
    numbers = (
        "grey values from 0 to 1"
        if grey
        else f"reflectivity from {scale['low_dbz']:g} to {scale['high_dbz']:g} dBZ as 0 to 1 (Z = {scale['a']:g} R^{scale['b']:g}, "
        f"dry below {scale['dry_below']:g} mm/h)"
    )
    facts = {
        "network": f"`{config['network']}`, {parameters:,} weights, {megabytes:.1f} MB",
        "settings": f"`{json.dumps(config['settings'], ensure_ascii=False)}`",
        "reads": f"{past} images, one every {step:g} min",
        "writes": f"{future} images, to {future * step:g} min ahead; it can roll on, untrained",
        "pixel": f"{config['pixel_km']:g} km",
        "numbers": numbers,
        "output": config["output"],
    }
    use = (
        "It learnt from images that are no rain, to compare networks; it makes no nowcast of rain."
        if grey
        else "```sh\nstormcell nowcast RADAR... --method PATH/TO/THIS/FOLDER -o nowcast.nc\nstormcell models info PATH/TO/THIS/FOLDER\n```"
    )
    parts = [
        f"# {_one_line(title)}",
        "A nowcast of rain from the last radar images, by a recurrent network. Made with stormcell." if not grey else use,
        _table(facts),
        "" if grey else f"## Use\n\n{use}\n\n{_warning(config)}",
        _section("Data", config["data"]),
        _section("Training", config["training"]),
        _section("Scores", config["scores"]),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _section(heading: str, content: Mapping[str, Any]) -> str:
    return f"## {heading}\n\n{_table(dict(_flat(content)))}" if content else ""


def _table(rows: Mapping[str, Any]) -> str:
    lines = [f"| {_cell(name)} | {_cell(value)} |" for name, value in rows.items()]
    return "\n".join(["| | |", "|---|---|", *lines])


def _flat(content: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """What is nested, in one list: names joined by spaces."""
    for name, value in content.items():
        path = f"{above} {name}".strip()
        if isinstance(value, Mapping):
            yield from _flat(value, path)
        else:
            yield path, value


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    text = f"{value:.4g}" if isinstance(value, float) else ", ".join(map(_cell, value)) if isinstance(value, list) else str(value)
    return _one_line(text).replace("|", "\\|")


def _one_line(text: str) -> str:
    return " ".join(text.split())
