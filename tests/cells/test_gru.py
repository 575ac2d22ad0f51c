import pytest
import torch

from stormcell.cells.gru import GRU
from tests.cells.torch_twins import check_twin


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equals_torch(layers, dtype):
    check_twin(GRU, torch.nn.GRU(3, 5, layers, batch_first=True, dtype=dtype))


def test_has_fewer_parameters_than_an_lstm():
    assert sum(parameter.numel() for parameter in GRU(3, 5).parameters()) == 3 * 5 * (3 + 5 + 1) + 5
