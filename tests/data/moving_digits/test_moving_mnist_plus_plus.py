import cv2
import numpy as np

from stormcell.data.moving_digits import MovingMNISTPlusPlus
from stormcell.data.moving_digits.films import chance_of
from stormcell.data.moving_digits.moving_mnist_plus_plus import swing
from tests.data.moving_digits.made_digits import bar, disc, made_digits

SWING = [0, 1, 2, 3, 4, 3, 2, 1, 0, -1, 0, 1, 2, 3, 4, 3, 2, 1, 0, -1]


def moments(film: np.ndarray) -> tuple[np.ndarray, ...]:
    """Of every frame: mass, centre (x, y) and the direction of the longest axis [degrees, counter-clockwise as seen]."""
    y, x = np.mgrid[0:64, 0:64]
    mass = film.sum(axis=(1, 2))
    cx, cy = (film * x).sum(axis=(1, 2)) / mass, (film * y).sum(axis=(1, 2)) / mass
    dx, dy = x - cx[:, np.newaxis, np.newaxis], y - cy[:, np.newaxis, np.newaxis]
    xx, yy, xy = ((film * product).sum(axis=(1, 2)) for product in (dx * dx, dy * dy, dx * dy))
    return mass, cx, cy, np.degrees(-np.arctan2(2 * xy, xx - yy) / 2)


def inside(films: np.ndarray) -> np.ndarray:
    """Those whose digit never touches an edge of the picture."""
    edges = films[:, :, [0, -1]].any(axis=(1, 2, 3)) | films[:, :, :, [0, -1]].any(axis=(1, 2, 3))
    return films[~edges]


def test_the_test_set_is_as_large_as_published():
    assert len(MovingMNISTPlusPlus(made_digits(), "test")) == 10_000


def test_the_swing_as_published():
    assert swing(20).tolist() == SWING and swing(1).tolist() == [0.0] and swing(30).tolist()[20:] == SWING[10:]


def test_light_and_size_follow_the_swing():
    """A disc of full ink: its brightest pixel is the light, and mass / light is its area."""
    films = inside(next(MovingMNISTPlusPlus(disc(), digits=1).sweep(120)).values)
    assert len(films) > 30
    lights, sizes = [], []
    for film in films:
        light = film.max(axis=(1, 2))
        np.testing.assert_allclose(light, light[1] ** np.array(SWING), rtol=1e-5)
        area = film.sum(axis=(1, 2)) / light
        size = np.sqrt(area[9] / area[0])  # where the swing is -1
        np.testing.assert_allclose(np.sqrt(area / area[0]), size ** -np.array(SWING, float), rtol=0.03)
        lights.append(light[1])
        sizes.append(size)
    assert 0.6 <= min(lights) < 0.65 and 0.95 < max(lights) <= 1.0
    assert 1 / 1.11 < min(sizes) < 0.94 and 1.06 < max(sizes) < 1.11


def test_mass_is_kept_away_from_edges():
    """What turning and moving between pixels leave of a digit's mass, with light and size divided out."""
    for film in inside(next(MovingMNISTPlusPlus(disc(), digits=1).sweep(120)).values):
        exponent = np.array(SWING, float)
        kept = np.log(film.sum(axis=(1, 2)))
        slope, level = np.polyfit(exponent, kept, 1)
        np.testing.assert_allclose(kept, level + slope * exponent, atol=0.02)


def test_a_bar_turns_at_its_own_steady_speed():
    films = inside(next(MovingMNISTPlusPlus(bar(), digits=1).sweep(200)).values)
    assert len(films) > 30
    speeds = []
    for film in films:
        angle = moments(film)[3]
        assert abs(angle[0]) < 2.0, "as it was drawn"
        turned = (np.diff(angle) + 90) % 180 - 90  # a bar looks the same after half a turn
        np.testing.assert_allclose(turned, np.median(turned), atol=3.0)
        speeds.append(np.median(turned))
    assert -30.5 < min(speeds) < -22 and 22 < max(speeds) < 30.5


def test_centres_fly_at_most_3_6_pixels_and_stay_inside():
    """Digits turn about a point half a pixel right of and below their middle, so the middle flies up to 0.5 pixels further."""
    films = inside(next(MovingMNISTPlusPlus(disc(5.0), digits=1).sweep(200)).values)
    fastest = 0.0
    for film in films:
        _, x, y, _ = moments(film)
        assert min(x[1:].min(), y[1:].min()) > 9 and max(x[1:].max(), y[1:].max()) < 55
        fastest = max(fastest, np.hypot(np.diff(x)[1:], np.diff(y)[1:]).max())
    assert 3.0 < fastest < 4.1


def test_a_film_is_what_the_published_rules_give():
    """With the random numbers of the film in hand, it is drawn anew one digit and one frame at a time, by OpenCV's own matrices."""
    images = made_digits()
    films = next(MovingMNISTPlusPlus(images, "test").sweep(4)).values
    for film, values in enumerate(films):
        chance = chance_of(0, 3, film)
        which, angle, speed, turn, growth, left, top = chance.random((7, 3))
        light = 0.6 + 0.4 * chance.random()
        expected = np.zeros((20, 64, 64), np.float32)
        for digit in range(3):
            image = images[int(which[digit] * len(images))]
            image = image[np.ix_(image.any(1), image.any(0))].astype(np.float32)
            high, wide = image.shape
            shift = np.array([left[digit] * (64 - wide), top[digit] * (64 - high)])
            velocity = 3.6 * speed[digit] * np.array([np.cos(2 * np.pi * angle[digit]), np.sin(2 * np.pi * angle[digit])])
            size, brightness, degrees = 1.0, 1.0, 0.0
            for step in range(20):
                if step:
                    size *= (1 / 1.1 + growth[digit] * (1.1 - 1 / 1.1)) ** (1 if step // 5 % 2 else -1)
                    brightness *= light ** (-1 if step // 5 % 2 else 1)
                    degrees += 60 * turn[digit] - 30
                    shift = shift + velocity
                    for axis, half in enumerate((wide / 2, high / 2)):
                        centre = shift[axis] + half
                        if not 10 <= centre <= 54:
                            shift[axis] = (10 if centre < 10 else 54) - half
                            velocity[axis] *= -1
                matrix = cv2.getRotationMatrix2D((wide / 2, high / 2), degrees, size)
                matrix[:, 2] += shift
                expected[step] = np.maximum(expected[step], cv2.warpAffine(image * brightness, matrix, (64, 64)))
        np.testing.assert_allclose(values, expected / 255, atol=2e-3)


def test_training_never_ends():
    """Batches far beyond what a sweep shows are new films."""
    source = MovingMNISTPlusPlus(made_digits(), length=1)
    seen = {film.tobytes() for number in (0, 1, 10_000, 20_000) for film in source.batch(number, 4).values}
    assert len(seen) == 16
    np.testing.assert_array_equal(next(source.sweep(4)).values, source.batch(0, 4).values)
