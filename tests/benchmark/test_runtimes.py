"""What is compared beside the runtimes: weights of few bits, made of those that are trained."""

import torch

from stormcell.benchmark.runtimes import FEW_BITS, _of_few_bits
from stormcell.methods import GuidedForecast
from stormcell.networks.checkpoint import load_checkpoint
from tests.methods.tiny_models import save_tiny


def test_weights_of_few_bits_have_few_levels_in_each_gate(tmp_path):
    folder = save_tiny(tmp_path / "led", network="guided", settings={"hidden": [4, 6], "tail": 4})
    trained = load_checkpoint(folder)[0].state_dict()
    made = _of_few_bits(folder, tmp_path)
    assert len(made) == len(FEW_BITS)
    sizes = [size for _, size in made.values()]
    assert sizes[1] < sizes[0] < 4e-6 * sum(weight.numel() for weight in trained.values())
    for (path, _), levels in zip(made.values(), (3, 2), strict=True):
        assert GuidedForecast(path).name == path.name, "it is a method like any other"
        for name, weight in load_checkpoint(path)[0].state_dict().items():
            if name.endswith("state_convolution.weight"):
                gates = weight.reshape(3, -1)
                assert all(len(gate.unique()) <= levels for gate in gates) and gates.abs().max() > 0
            elif "anchor" in name:
                torch.testing.assert_close(weight, trained[name])
