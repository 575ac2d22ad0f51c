import numpy as np

from stormcell.data.moving_digits import MovingMNIST
from stormcell.data.moving_digits.films import chance_of
from tests.data.moving_digits.made_digits import disc, made_digits


def corners(film: np.ndarray) -> np.ndarray:
    """(time, [y, x]) of the upper left corner of a single filled square."""
    rows, columns = film.any(axis=2), film.any(axis=1)
    return np.stack([rows.argmax(axis=1), columns.argmax(axis=1)], axis=-1)


def test_the_protocol_counts_films():
    assert [len(MovingMNIST(made_digits(), part)) for part in ("train", "validation", "test")] == [10_000, 2_000, 3_000]


def test_one_digit_keeps_its_mass_in_every_frame():
    digit = made_digits(1)
    for film in next(MovingMNIST(digit, digits=1).sweep(30)).values:
        np.testing.assert_allclose(film.sum(axis=(1, 2)), digit.sum() / 255.0, rtol=1e-5)


def test_digits_fly_at_three_to_five_pixels_in_every_direction():
    """Full squares of ink, so that corners can be seen; between two bounces the flight is straight, to the whole pixel."""
    square = np.full((1, 28, 28), 255, np.uint8)
    films = next(MovingMNIST(square, digits=1, length=12).sweep(400)).values
    paths = np.stack([corners(film) for film in films])
    assert paths.min() == 0 and paths.max() in (35, 36)
    straight = paths[((paths > 0) & (paths < 36)).all(axis=(1, 2)) & (np.abs(np.diff(paths, 2, axis=1)) <= 1).all(axis=(1, 2))]
    velocity = (straight[:, -1] - straight[:, 0]) / 11.0
    speed = np.hypot(*velocity.T)
    assert len(straight) > 5 and speed.min() > 2.8 and speed.max() < 5.2
    start = paths[:, 0]
    assert abs(start.mean() - 17.5) < 1.5 and start.std() > 9.0  # uniform over 36 places: 10.4
    step = paths[:, 1] - paths[:, 0]
    assert {(int(a), int(b)) for a, b in np.sign(step)} >= {(1, 1), (1, -1), (-1, 1), (-1, -1)}


def test_a_film_is_the_brightest_of_its_digits():
    """With the random numbers of the film in hand, it is drawn anew one digit and one frame at a time."""
    images = made_digits()
    film = next(MovingMNIST(images, "test", digits=3, subset=len(images)).sweep(1)).values[0]
    chosen = np.argsort(chance_of(0).random(len(images)), kind="stable")
    which, angle, speed, y, x = chance_of(0, 3, 0).random((5, 3))
    expected = np.zeros((20, 64, 64), np.float32)
    for digit in range(3):
        image = images[chosen[int(which[digit] * len(images))]] / 255.0
        place = [14.0 + 36.0 * y[digit], 14.0 + 36.0 * x[digit]]  # centre, between 14 and 50
        amplitude = 3.0 + 2.0 * speed[digit]
        velocity = [amplitude * np.cos(2 * np.pi * angle[digit]), amplitude * np.sin(2 * np.pi * angle[digit])]
        for frame in expected:
            top, left = int(place[0]) - 14, int(place[1]) - 14
            frame[top : top + 28, left : left + 28] = np.maximum(frame[top : top + 28, left : left + 28], image)
            for axis in (0, 1):
                place[axis] += velocity[axis]
                for wall in (14.0, 50.0):
                    if (place[axis] - wall) * (wall - 32.0) > 0:
                        place[axis], velocity[axis] = 2 * wall - place[axis], -velocity[axis]
    np.testing.assert_allclose(film, expected, atol=1e-7)


def test_a_round_of_training_shows_every_film_once_and_the_next_in_another_order():
    source = MovingMNIST(disc(), "validation", digits=1, length=2)
    once = [film.tobytes() for film in source.batch(0, 2000).values]
    again = [film.tobytes() for film in source.batch(1, 2000).values]
    swept = [film.tobytes() for film in next(source.sweep(2000)).values]
    assert sorted(once) == sorted(again) == sorted(swept) and once != again != swept != once


def test_films_are_the_same_on_every_machine():
    """Places, told by where the ink of the first films of the test set is; if this fails, published figures refer to other films."""
    square = np.full((1, 28, 28), 255, np.uint8)
    films = next(MovingMNIST(square, "test", digits=1, length=4).sweep(3)).values
    assert [corners(film).tolist() for film in films] == [
        [[11, 10], [13, 7], [16, 5], [18, 2]],
        [[22, 0], [23, 2], [24, 5], [25, 8]],
        [[15, 20], [18, 24], [21, 28], [23, 32]],
    ]
