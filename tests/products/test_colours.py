import numpy as np
import pytest
from numpy.typing import NDArray

from stormcell.products.colours import (
    MINUTES,
    MISSING,
    PROBABILITY,
    RAIN,
    RAIN_COLOURS,
    RAIN_LEVELS,
    RAIN_TABLES,
    ColourScale,
    rain_class,
    rain_colour_map,
    rain_rgba,
)

# How colours look with a colour vision deficiency, in linear RGB: Machado, Oliveira & Fernandes (2009), severity 1.
SIGHTS = {
    "normal": np.eye(3),
    "no green cones": np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]),
    "no red cones": np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]),
    "no blue cones": np.array([[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]),
}


def test_classes_at_and_beside_the_levels() -> None:
    assert rain_class(np.array([0.0, 0.099, 0.1, 0.19, 99.9, 100.0, 1e6, np.nan])).tolist() == [0, 0, 1, 1, 10, 11, 11, MISSING]
    assert rain_class(np.array(RAIN_LEVELS, dtype=np.float32)).tolist() == list(range(1, 12))
    assert rain_class(np.zeros((2, 3, 4), dtype=np.float32)).shape == (2, 3, 4)


def test_dry_and_missing_are_transparent_and_rain_is_not() -> None:
    colours = rain_rgba(np.array([0.0, np.nan, 0.1, 200.0]))
    assert colours[:, 3].tolist() == [0, 0, 255, 255]
    assert colours[3, :3].tolist() == list(bytes.fromhex(RAIN_COLOURS[-1][1:]))


def test_matplotlib_gets_the_same_colours() -> None:
    colour_map, norm = rain_colour_map()
    rain = np.ma.masked_invalid([0.0, np.nan, 0.05, *RAIN_LEVELS, 0.15, 42.0, 99.0, 500.0])
    np.testing.assert_array_equal(colour_map(norm(rain), bytes=True), rain_rgba(rain.filled(np.nan)))


@pytest.mark.parametrize(
    "scale", [RAIN, RAIN_TABLES["cividis"], PROBABILITY, MINUTES], ids=lambda scale: f"{scale.unit} {scale.colours[0]}"
)
@pytest.mark.parametrize("sight", SIGHTS)
def test_neighbouring_classes_can_be_told_apart(sight: str, scale: ColourScale) -> None:
    """By their distance in OKLab (Ottosson 2020), where 0.02 is about what can just be seen."""
    assert np.linalg.norm(np.diff(oklab(("#f8f8f5", *scale.colours), sight), axis=0), axis=1).min() > 0.05


@pytest.mark.parametrize("sight", SIGHTS)
def test_probabilities_darken_and_minutes_lighten_for_any_eye(sight: str) -> None:
    assert (np.diff(oklab(PROBABILITY.colours, sight)[:, 0]) < -0.03).all()
    assert (np.diff(oklab(MINUTES.colours[:-1], sight)[:, 0]) > 0.03).all(), "but for the last, rain that goes on"
    assert (np.diff(oklab(RAIN_TABLES["cividis"].colours, sight)[:, 0]) > 0.03).all()


def test_every_table_has_a_colour_of_its_own_for_every_class_of_rain() -> None:
    assert RAIN_TABLES["stormcell"] is RAIN
    for scale in RAIN_TABLES.values():
        assert scale.levels == RAIN_LEVELS and len(set(scale.colours)) == len(RAIN_LEVELS)


def oklab(colours: tuple[str, ...], sight: str) -> NDArray[np.float64]:
    """Lightness and two differences of colour, (colour, 3), as an eye with this sight has them."""
    levels = np.array([list(bytes.fromhex(colour[1:])) for colour in colours]) / 255
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ SIGHTS[sight].T, 0, 1)
    cones = np.array([[0.41222, 0.53633, 0.05145], [0.21190, 0.68070, 0.10740], [0.08830, 0.28172, 0.62998]])
    lab = np.array([[0.21045, 0.79362, -0.00407], [1.97800, -2.42859, 0.45059], [0.02590, 0.78277, -0.80868]])
    found: NDArray[np.float64] = np.cbrt(seen @ cones.T) @ lab.T
    return found
