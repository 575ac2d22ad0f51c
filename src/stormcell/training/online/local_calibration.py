"""A guided network refitted to the rain of the last hours: slopes, shifts, the weight of S-PROG, and from which probability on to warn."""

import copy

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stormcell.networks.autoregressive import from_patches
from stormcell.networks.guided import Guided
from stormcell.networks.guided.anchor import nearness
from stormcell.training.decisions import GROUP

__all__ = ["Fit", "decisions_near", "fit", "folded", "sampled"]

Numbers = NDArray[np.float64]

_ROUNDS = 8
_PIXEL = 0.02  # what a pixel counts for: its neighbours, in space and time, say nearly the same
_PRIOR = (8.0, 4.0, 10.0)  # 1 / variance of slope, shift and weight around "as it is"
_KNOWN = -5.0  # logit of the lowest level below which a place is surely dry, and teaches nothing
_ENOUGH = 3000.0  # events at which local decisions and those of training count the same


class Fit:
    """What to do to logits z of level l at lead time group g, d being the nearness of the first guess:

        z' = a_l z + b_lg + c_lg d

    Attributes:
        slope: a, (level,).
        shift: b, (group, level).
        weight: c, (group, level).
    """

    def __init__(self, slope: Numbers, shift: Numbers, weight: Numbers) -> None:
        self.slope, self.shift, self.weight = slope, shift, weight

    @classmethod
    def as_it_is(cls, groups: int, levels: int) -> "Fit":
        """Changes nothing."""
        return cls(np.ones(levels), np.zeros((groups, levels)), np.zeros((groups, levels)))


def sampled(
    logits: Tensor, guess: Tensor, truth: Tensor, valid: Tensor, *, pixels: int, rng: np.random.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Some places of a window where rain is not out of the question, each at all lead times.

    Args:
        logits: (step, level, y, x).
        guess: x (step, y, x).
        truth: [mm h-1], same shape.
        valid: bool, same shape.
        pixels: how many places, at most.
        rng: draws them.

    Returns:
        Logits (step, level, place), guess (step, place) and truth (step, place), NaN where it is not valid.
    """
    unsure = ((logits[:, 0] > _KNOWN) & valid).any(dim=0).flatten().nonzero()[:, 0].numpy()
    chosen = torch.from_numpy(np.sort(rng.permutation(unsure)[:pixels]))
    seen = torch.where(valid, truth, torch.nan)
    return tuple(field.flatten(-2)[..., chosen] for field in (logits, guess, seen))  # type: ignore[return-value]


def fit(logits: Tensor, guess: Tensor, truth: Tensor, network: Guided) -> Fit:
    """The largest likelihood of samples, drawn towards "as it is" the more, the fewer there are.

    Args:
        logits: of the network as it is, (step, level, sample).
        guess: x (step, sample).
        truth: [mm h-1], NaN where it is not known, (step, sample).
        network: whose levels they are.
    """
    steps, levels = logits.shape[:2]
    groups = -(-steps // GROUP)
    found = Fit.as_it_is(groups, levels)
    group = np.repeat(np.arange(steps) // GROUP, logits.shape[2])
    known = np.isfinite(truth.numpy().ravel())
    one_of = (group[known, None] == np.arange(groups)).astype(np.float64)
    rain = truth.numpy().ravel()[known]
    if not rain.size:
        return found
    precision = np.array([_PRIOR[0], *[_PRIOR[1]] * groups, *[_PRIOR[2]] * groups])
    start = np.array([1.0, *[0.0] * 2 * groups])
    for level, rate in enumerate(network.rates):
        z = logits[:, level].double().numpy().ravel()[known]
        d = nearness(guess, network.anchor.levels[level]).double().numpy().ravel()[known]
        inputs = np.concatenate((z[:, None], one_of, one_of * d[:, None]), axis=1)
        event = (rain >= rate - 1e-3).astype(np.float64)
        weights = start.copy()
        for _ in range(_ROUNDS):
            p = 1 / (1 + np.exp(-np.clip(inputs @ weights, -30, 30)))
            slope = _PIXEL * (inputs.T @ (event - p)) - precision * (weights - start)
            curvature = _PIXEL * (inputs.T * (p * (1 - p))) @ inputs + np.diag(precision)
            weights += np.linalg.solve(curvature, slope)
        found.slope[level] = weights[0]
        found.shift[:, level], found.weight[:, level] = weights[1 : 1 + groups], weights[1 + groups :]
    return found


@torch.no_grad()
def folded(network: Guided, change: Fit) -> Guided:
    """A network whose logits are those of `network` after a change, of the same shape: the change goes into its own weights.

    As far as b shifts a level already, in the mean over lead times, its members are not shifted once more.
    """
    made = copy.deepcopy(network)
    anchor = made.anchor
    slope = torch.from_numpy(change.slope).float()
    group = (torch.arange(len(anchor.weight)) // GROUP).clamp(max=len(change.shift) - 1)
    anchor.weight.mul_(slope[None, :, None])
    anchor.weight[..., 0] += torch.from_numpy(change.weight).float()[group]
    anchor.staying.mul_(slope[None, :, None])
    anchor.bias.mul_(slope).add_(torch.from_numpy(change.shift).float()[group])
    shift, done = made.member_shift, torch.from_numpy(change.shift.mean(axis=0)).float()
    shift -= done.clamp(shift.clamp(max=0.0), shift.clamp(min=0.0))
    if made.residual is not None:
        head = made.residual.head
        channels = torch.arange(head.out_channels).reshape(1, 1, -1, 1, 1)
        place = from_patches(channels.double(), 2)[0, 0].long()  # (together * level, 2, 2): the channel that each place is made from
        for output, own in enumerate(place):
            factor = slope[output % len(slope)]
            head.weight[own.flatten()] *= factor
            if head.bias is not None:
                head.bias[own.flatten()] *= factor
    return made


def decisions_near(before: Numbers, local: Numbers, events: Numbers) -> Numbers:
    """From which probability on to warn: between what training found and what the last hours say, by how many events these had.

        logit p = (1 - s) logit p_before + s logit p_local,    s = n / (n + 3000)

    Args:
        before: (step, level), of training.
        local: same shape.
        events: n, same shape; those of three lead times together.
    """
    share = events / (events + _ENOUGH)
    logit = [np.log(p / (1 - p)) for p in (before, local)]
    mixed: Numbers = 1 / (1 + np.exp(-((1 - share) * logit[0] + share * logit[1])))
    return mixed
