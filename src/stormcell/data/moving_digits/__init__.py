"""Films of moving digits, made while they are asked for: Moving MNIST, and MovingMNIST++ in which digits also turn, grow and fade.

They are toys on which networks were compared before radar, and still are: any number of films, no missing data, and a motion that
is known. Both kinds are `Samples`, of grey values in place of rain rates.
"""

from stormcell.data.moving_digits.films import PARTS, Part
from stormcell.data.moving_digits.moving_mnist import MovingMNIST
from stormcell.data.moving_digits.moving_mnist_plus_plus import MovingMNISTPlusPlus

__all__ = ["PARTS", "MovingMNIST", "MovingMNISTPlusPlus", "Part"]
