"""The lab: the claims of the review as experiments that anyone can run and look at.

Each experiment is one short file here; `EXPERIMENTS` lists them in the order of the book.
"""

from stormcell.lab import (
    activations,
    adding_problem,
    back_propagation,
    copy_task,
    dead_units,
    depth_against_width,
    echo_state,
    gru,
    identity_network,
    kernel_size,
    learnt_links,
    lstm_gates,
    moving_shapes,
    perceptron,
    pre_training,
    quantised_weights,
    radar,
    recurrent_gradient,
    samples_against_parameters,
    sequence_length,
    truncation,
)
from stormcell.lab.experiment import Check, Experiment, Outcome, Picture

__all__ = ["EXPERIMENTS", "Check", "Experiment", "Outcome", "Picture"]

EXPERIMENTS: dict[str, Experiment] = {
    "perceptron": perceptron.EXPERIMENT,
    "identity-network": identity_network.EXPERIMENT,
    "depth-against-width": depth_against_width.EXPERIMENT,
    "back-propagation": back_propagation.EXPERIMENT,
    "samples-against-parameters": samples_against_parameters.EXPERIMENT,
    "pre-training": pre_training.EXPERIMENT,
    "activations": activations.EXPERIMENT,
    "dead-units": dead_units.EXPERIMENT,
    "recurrent-gradient": recurrent_gradient.EXPERIMENT,
    "adding-problem": adding_problem.EXPERIMENT,
    "copy-task": copy_task.EXPERIMENT,
    "truncation": truncation.EXPERIMENT,
    "echo-state": echo_state.EXPERIMENT,
    "lstm-gates": lstm_gates.EXPERIMENT,
    "gru": gru.EXPERIMENT,
    "sequence-length": sequence_length.EXPERIMENT,
    "moving-shapes": moving_shapes.EXPERIMENT,
    "kernel-size": kernel_size.EXPERIMENT,
    "learnt-links": learnt_links.EXPERIMENT,
    "quantised-weights": quantised_weights.EXPERIMENT,
    "radar": radar.EXPERIMENT,
}
"""In the order of the book."""
