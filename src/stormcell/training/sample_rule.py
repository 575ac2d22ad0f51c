"""The rule of thumb that a network wants more samples than it has weights."""

import warnings

__all__ = ["FewSamplesWarning", "warn_of_few_samples"]

_FEWEST, _ENOUGH = 2.0, 3.0  # samples a weight


class FewSamplesWarning(UserWarning):
    """There are fewer samples than the rule of thumb asks for; training goes on."""


def warn_of_few_samples(windows: int, parameters: int) -> None:
    """Warn where there are fewer than two training windows a weight; the rule asks for two to three.

    It is a rule for networks whose every weight sees a sample once. The weights of a convolution see each pixel of each frame, so
    networks of images do well with far less, where the windows differ: what counts then is the gap between training and validation
    loss.

    Args:
        windows: different windows to train on; crops and mirror images of one are not counted.
        parameters: weights that training changes.
    """
    if windows >= _FEWEST * parameters:
        return
    warnings.warn(
        f"{windows:,} windows to train on for {parameters:,} weights, {windows / max(parameters, 1):.2g} a weight; the rule of thumb asks "
        f"for {_FEWEST:g} to {_ENOUGH:g}. Networks of convolutions need less, but watch whether the validation loss parts from that of "
        "training; what helps is more data or augmentation, a smaller network, training.weight_decay, dropout, and stopping early",
        FewSamplesWarning,
        stacklevel=2,
    )
