"""Long short-term memory."""

import torch
from torch import Tensor, nn

from stormcell.cells.cell import Projected, State
from stormcell.cells.gates import Gates
from stormcell.cells.normalization import Normalise, tick

__all__ = ["LSTM"]


class LSTM(nn.Module):
    """A cell that writes to, keeps and reads a memory c through gates, so that gradients last.

        i  = sigmoid(W_xi x + W_hi h + p_i . c + b_i)        what to write
        f  = sigmoid(W_xf x + W_hf h + p_f . c + b_f)        what to keep
        g  = tanh(W_xg x + W_hg h + b_g)
        c' = f . c + i . g
        o  = sigmoid(W_xo x + W_ho h + p_o . c' + b_o)       what to show
        h' = o . tanh(c')

    The peepholes p are diagonal, one number a unit, and begin at 0; without them the p terms go.

    State: (h, c), each (batch, units). The output is h'.

    Args:
        inputs: channels of the input; None or 0 for a layer without input.
        units: channels of the state.
        peepholes: let the gates see the memory.
        forget_bias: where b_f begins; 1 helps to remember from the first day (Jozefowicz et al. 2015).
        normalise: N of N(W_x x) + N(W_h h) + b, see `normalization`.

    Raises:
        ValueError: a size that does not exist.

    Source:
        Hochreiter & Schmidhuber (1997), doi:10.1162/neco.1997.9.8.1735; Gers et al. (2000, 2002) for f and p; the review's
        equations 7-9. Gates lie in torch.nn's order i, f, g, o.
    """

    peepholes: nn.Parameter | None

    def __init__(
        self, inputs: int | None, units: int, *, peepholes: bool = False, forget_bias: float = 0.0, normalise: Normalise | None = None
    ) -> None:
        super().__init__()
        self.units = units
        self.gates = Gates(inputs, units, 4, normalise)
        self.peepholes = nn.Parameter(torch.zeros(3, units)) if peepholes else None
        with torch.no_grad():
            self.gates.bias[units : 2 * units] = forget_bias

    def project(self, inputs: Tensor) -> Projected:
        """W_x x + b of all gates, (time, batch, gates * units); without b if it is to be normalised."""
        return self.gates.project(inputs)

    def initial_state(self, like: Tensor) -> State:
        """Zeros."""
        nothing = like.new_zeros(like.shape[0], self.units)
        return nothing, nothing, *self.gates.counter(like)

    def step(self, projected: Projected | None, state: State) -> tuple[Tensor, State]:
        """One step of the equations above."""
        h, c, *counter = state
        i, f, g, o = self.gates(projected, h, tuple(counter)).chunk(4, dim=1)
        if self.peepholes is not None:
            i, f = i + self.peepholes[0] * c, f + self.peepholes[1] * c
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        if self.peepholes is not None:
            o = o + self.peepholes[2] * c
        h = torch.sigmoid(o) * torch.tanh(c)
        return h, (h, c, *tick(tuple(counter)))
