"""Echo-state networks: a large random network that is never trained, and a linear read-out that is, in closed form."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from stormcell.cells.cell import Projected, State

__all__ = ["EchoState", "RidgeReadout"]


class EchoState(nn.Module):
    """A reservoir of leaky units with fixed, sparse, random weights: the past echoes in its state.

        x' = (1 - a) x + a tanh(W_in u + b + W x)

    Nothing in it learns: the weights are buffers, saved with the state_dict and moved with the module, and have no gradient; gradients
    do flow to the inputs. W_in and b are uniform in +-`input_scaling`; W is normal where it is not 0, scaled to the spectral radius.

    State: (x,), (batch, units). The output is x'.

    Args:
        inputs: channels of the input.
        units: size of the reservoir.
        leak: a, above 0 to 1; small is slow.
        spectral_radius: largest |eigenvalue| of W. Below 1 is neither necessary nor sufficient for echoes that fade, if there is input.
        density: share of W's entries that are not 0, above 0 to 1.
        input_scaling: how hard the input drives the units.
        seed: of all the weights; the same on every device.

    Raises:
        ValueError: a number outside its range, or a W so sparse that its eigenvalues are all 0.

    Source:
        Jaeger (2001), GMD report 148; Jaeger et al. (2007), doi:10.1016/j.neunet.2007.04.016 (leaky units).
    """

    input_weight: Tensor
    state_weight: Tensor
    bias: Tensor

    def __init__(
        self,
        inputs: int,
        units: int,
        *,
        leak: float = 1.0,
        spectral_radius: float = 0.9,
        density: float = 0.1,
        input_scaling: float = 1.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if inputs < 1 or units < 1:
            raise ValueError(f"EchoState: expected inputs and units of 1 or more, got inputs={inputs}, units={units}")
        if not (0 < leak <= 1 and 0 < density <= 1 and spectral_radius > 0):
            raise ValueError(
                "EchoState: expected leak and density above 0 to 1 and a spectral radius above 0, "
                f"got leak={leak}, density={density}, spectral_radius={spectral_radius}"
            )
        self.units, self.leak = units, leak
        chance = torch.Generator("cpu").manual_seed(seed)
        state_weight = torch.randn(units, units, generator=chance, dtype=torch.float64, device="cpu")
        state_weight *= torch.rand(units, units, generator=chance, device="cpu") < density
        radius = _radius(state_weight)
        if radius < 1e-6:
            raise ValueError(f"EchoState: density={density} leaves {units} units without a loop; raise it")
        drive = input_scaling * (2.0 * torch.rand(units, inputs + 1, generator=chance, dtype=torch.float64, device="cpu") - 1.0)
        here = torch.empty(0)  # the default device and dtype
        self.register_buffer("input_weight", drive[:, :-1].to(here))
        self.register_buffer("bias", drive[:, -1].to(here))
        self.register_buffer("state_weight", (state_weight * (spectral_radius / radius)).to(here))

    def project(self, inputs: Tensor) -> Projected:
        """W_in u + b, (time, batch, units)."""
        return (functional.linear(inputs, self.input_weight, self.bias),)

    def initial_state(self, like: Tensor) -> State:
        """x of zero."""
        return (like.new_zeros(like.shape[0], self.units),)

    def step(self, projected: Projected | None, state: State) -> tuple[Tensor, State]:
        """One step of the equation above."""
        (x,) = state
        drive = self.bias if projected is None else projected[0]
        x = (1.0 - self.leak) * x + self.leak * torch.tanh(torch.addmm(drive, x, self.state_weight.t()))
        return x, (x,)

    def effective_spectral_radius(self) -> float:
        """Largest |eigenvalue| of the map that the state takes near 0 without input, (1 - a) I + a W."""
        identity = torch.eye(self.units, dtype=torch.float64)
        return _radius(torch.lerp(identity, self.state_weight.double().cpu(), self.leak))


class RidgeReadout(nn.Module):
    """A linear map from states to targets that has been fitted, not trained by gradients.

        y = W z,   z = (1, x) or, with direct input, (1, x, u);   W = Y Z^T (Z Z^T + lambda I)^-1

    Only the sums Z Z^T and Y Z^T are kept, in double precision: `add` takes as many pieces of a sequence as there are, in any order,
    then `fit` solves once. Adding more and fitting again is fine.

    Args:
        features: channels of x.
        outputs: channels of y.
        direct: channels of u, 0 for none.
        ridge: lambda, the penalty on W (also on the bias); not negative.

    Raises:
        ValueError: a size or a penalty out of range.

    Source:
        Lukosevicius & Jaeger (2009), doi:10.1016/j.cosrev.2009.03.005.
    """

    weight: Tensor
    gram: Tensor
    cross: Tensor

    def __init__(self, features: int, outputs: int, *, direct: int = 0, ridge: float = 1e-8) -> None:
        super().__init__()
        if features < 1 or outputs < 1 or direct < 0 or not ridge >= 0:
            raise ValueError(
                f"RidgeReadout: expected sizes above 0 and a penalty of 0 or more, got {features=}, {outputs=}, {direct=}, {ridge=}"
            )
        self.ridge = ridge
        columns = 1 + features + direct
        self.register_buffer("weight", torch.zeros(outputs, columns))
        self.register_buffer("gram", torch.zeros(columns, columns, dtype=torch.float64))
        self.register_buffer("cross", torch.zeros(outputs, columns, dtype=torch.float64))

    @torch.no_grad()
    def add(self, states: Tensor, targets: Tensor, inputs: Tensor | None = None) -> None:
        """Add a piece to the sums.

        Args:
            states: x, (..., features).
            targets: y, (..., outputs).
            inputs: u, (..., direct), if the read-out sees them.
        """
        z = _columns(states, inputs).flatten(0, -2).to(self.gram)
        self.gram += z.t() @ z
        self.cross += targets.flatten(0, -2).to(self.gram).t() @ z

    @torch.no_grad()
    def fit(self) -> None:
        """Solve for W from the sums so far.

        Raises:
            torch.linalg.LinAlgError: without penalty, fewer independent samples than columns.
        """
        penalised = self.gram + self.ridge * torch.eye(len(self.gram)).to(self.gram)
        self.weight.copy_(torch.linalg.solve(penalised, self.cross.t()).t())

    def forward(self, states: Tensor, inputs: Tensor | None = None) -> Tensor:
        """y, (..., outputs), of x (..., features) and u (..., direct)."""
        return functional.linear(_columns(states, inputs), self.weight)


def _columns(states: Tensor, inputs: Tensor | None) -> Tensor:
    """(1, x) or (1, x, u) along the last axis."""
    parts = [torch.ones_like(states[..., :1]), states]
    return torch.cat(parts if inputs is None else [*parts, inputs], dim=-1)


def _radius(weight: Tensor) -> float:
    return float(torch.linalg.eigvals(weight).abs().max())
