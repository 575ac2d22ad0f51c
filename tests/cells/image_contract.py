"""What holds for every cell whose state is an image. A test class inherits from `ImageCellContract` and says how to build its cell."""

import pytest
import torch
from torch import nn

from stormcell.cells.cell import unroll
from stormcell.cells.zoneout import Zoneout


def randomise(module: nn.Module, *, scale: float = 0.3, seed: int = 0) -> nn.Module:
    """Give every parameter random numbers, also those that start at zero."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.uniform_(-scale, scale)
    return module


def frames(*shape: int, dtype: torch.dtype = torch.float64, seed: int = 1) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


class Step(nn.Module):
    """A cell's projection and step of one frame."""

    def __init__(self, cell: nn.Module) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, frame, state):
        return self.cell.step(tuple(term[0] for term in self.cell.project(frame[None])), state)


class ImageCellContract:
    """Inherit, and say how to build the cell."""

    def build(self, inputs: int | None = 2) -> nn.Module:
        raise NotImplementedError

    def cell(self, inputs: int | None = 2) -> nn.Module:
        return randomise(self.build(inputs).double())

    def test_gradients(self):
        cell = self.cell()
        x = frames(1, 2, 2, 3, 4).requires_grad_()

        def run(inputs, *_):
            return unroll(cell, inputs)[0]

        assert torch.autograd.gradcheck(run, (x, *cell.parameters()), fast_mode=True, atol=1e-6)

    def test_every_parameter_gets_a_gradient(self):
        cell = self.cell()
        unroll(cell, frames(2, 4, 2, 5, 6))[0].square().sum().backward()
        assert [name for name, weight in cell.named_parameters() if weight.grad is None or not weight.grad.any()] == []

    def test_any_grid_and_batch(self):
        cell = self.cell()
        for batch, rows, columns in ((1, 4, 7), (3, 6, 5), (2, 1, 1)):
            outputs, state = unroll(cell, frames(batch, 2, 2, rows, columns))
            assert outputs.shape == (batch, 2, cell.channels, rows, columns)
            assert all(part.shape[0] == batch and part.shape[2:] == (rows, columns) for part in state)

    def test_far_from_the_border_the_grid_does_not_matter(self):
        """The same weights on a larger grid that is zero around the smaller one: the middle does not notice."""
        cell = self.cell()
        for weight in cell.parameters():  # with a bias the outside would fill with what zeros become
            if weight.dim() == 1:
                nn.init.zeros_(weight)
        small = torch.zeros(1, 1, 2, 13, 13, dtype=torch.float64)
        small[..., 6, 6] = 1
        large = torch.zeros(1, 1, 2, 19, 21, dtype=torch.float64)
        large[..., 9, 10] = 1
        torch.testing.assert_close(unroll(cell, large)[0][..., 7:12, 8:13], unroll(cell, small)[0][..., 4:9, 4:9])

    def test_one_step_at_a_time_equals_all_at_once(self):
        cell, x = self.cell(), frames(2, 5, 2, 4, 5)
        together, end = unroll(cell, x)
        state, pieces = None, []
        for step in range(5):
            piece, state = unroll(cell, x[:, step : step + 1], state)
            pieces.append(piece)
        torch.testing.assert_close(torch.cat(pieces, dim=1), together)
        torch.testing.assert_close(state, end)

    def test_no_input(self):
        cell = self.cell(None)
        assert not any("input" in name for name, _ in cell.named_parameters())
        state = tuple(torch.randn_like(part) for part in cell.initial_state(frames(2, 1, 4, 5)))
        outputs, _ = unroll(cell, None, state, steps=3)
        assert outputs.shape == (2, 3, cell.channels, 4, 5)
        outputs.square().sum().backward()
        assert all(weight.grad is not None for weight in cell.parameters())
        with pytest.raises(ValueError, match="without input"):
            unroll(cell, frames(1, 1, 2, 4, 4))

    def test_no_input_is_the_same_as_inputs_of_zero_channels(self):
        assert [name for name, _ in self.build(0).named_parameters()] == [name for name, _ in self.build(None).named_parameters()]

    def test_built_without_memory(self):
        with torch.device("meta"):
            cell = self.build()
        assert all(weight.is_meta for weight in cell.parameters())
        assert [name for name, _ in cell.named_parameters()] == [name for name, _ in self.build().named_parameters()]
        outputs, _ = unroll(cell, torch.empty(2, 3, 2, 4, 5, device="meta"))
        assert outputs.is_meta and outputs.shape == (2, 3, cell.channels, 4, 5)

    def test_weights_go_out_and_in(self):
        first, second, x = self.cell(), self.build().double(), frames(1, 3, 2, 4, 4)
        second.load_state_dict(first.state_dict())
        torch.testing.assert_close(unroll(second, x)[0], unroll(first, x)[0], rtol=0, atol=0)

    def test_checkpoints_change_nothing(self):
        cell, x = self.cell(), frames(1, 4, 2, 4, 4)
        gradients = []
        for every in (None, 2):
            cell.zero_grad()
            unroll(cell, x, checkpoint_every=every)[0].square().sum().backward()
            gradients.append([weight.grad.clone() for weight in cell.parameters()])
        torch.testing.assert_close(gradients[1], gradients[0])

    def test_half_the_bits(self):
        """bfloat16 autocast stays near float32."""
        cell, x = self.build(), frames(2, 4, 2, 8, 8, dtype=torch.float32)
        exact = unroll(cell, x)[0]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            near = unroll(cell, x)[0]
        assert (near - exact).norm() / exact.norm() < 1e-2

    def test_a_step_can_be_exported_for_any_grid(self):
        cell = self.cell()
        first = frames(2, 2, 5, 6)
        auto = torch.export.Dim.AUTO
        state = cell.initial_state(first)
        sizes = {0: auto, 2: auto, 3: auto}
        exported = torch.export.export(Step(cell), (first, state), dynamic_shapes=(sizes, tuple(sizes for _ in state))).module()
        x = frames(3, 2, 9, 13)
        state = tuple(torch.rand_like(part) for part in cell.initial_state(x))
        torch.testing.assert_close(exported(x, state), Step(cell)(x, state), rtol=0, atol=1e-12)

    def test_zoneout_goes_around_it(self):
        cell, x = self.cell(), frames(1, 3, 2, 4, 4)
        torch.testing.assert_close(unroll(Zoneout(cell, 0.0), x)[0], unroll(cell, x)[0], rtol=0, atol=0)
        torch.manual_seed(0)
        outputs, state = unroll(Zoneout(cell, 0.5), x)
        kept = (outputs[:, 1:] == outputs[:, :-1]).double().mean()
        assert 0.3 < kept < 0.7
        torch.testing.assert_close(state[0], outputs[:, -1], rtol=0, atol=0)

    def test_kernels_have_a_middle(self):
        with pytest.raises(ValueError, match="odd"):
            self.even_kernel()

    def even_kernel(self) -> nn.Module:
        raise NotImplementedError
