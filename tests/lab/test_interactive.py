"""The interactive page: its graphs are the package's cells, its gradients those of autograd, and it says the same in a browser."""

import base64
import json
import math
import re

import pytest
import torch
from torch.func import functional_call

from stormcell.cells import RNN
from stormcell.cells.cell import unroll
from stormcell.lab.interactive import page as page_module
from stormcell.lab.interactive import write_interactive
from stormcell.lab.interactive.export import exported, stored
from stormcell.lab.interactive.models import FORGET_BIAS, LONGEST, echo, moving_blob, train_all
from stormcell.lab.interactive.steps import ForwardStep, GatedBackward, PlainBackward, recurrent
from tests.products.test_page import browser as browser

NAMES = ("RNN", "LSTM", "ConvLSTM")


@pytest.fixture(scope="module")
def networks():
    """Hardly trained, which takes a second."""
    return {one.name: one for one in train_all(steps=40)}


@pytest.fixture(scope="module")
def graphs(networks):
    pytest.importorskip("onnx", reason="onnx is not installed; pip install 'stormcell[export]'")
    pytest.importorskip("onnxscript", reason="onnxscript is not installed; pip install 'stormcell[export]'")
    return {name: exported(one) for name, one in networks.items()}


@pytest.fixture(scope="module")
def written(networks, tmp_path_factory):
    """The page with the networks as they are trained for readers."""
    if missing := page_module._missing():
        pytest.skip(f"the interactive page cannot be written here: {re.sub('<.*?>', '', '; '.join(missing))}")
    trained = {one.name: one for one in train_all()}
    return write_interactive(tmp_path_factory.mktemp("book"), list(trained.values())), trained


def changed(network, scale, bias):
    """The cell's parameters as the sliders make them."""
    weight, bias_name = recurrent(network.cell)
    parameters = {weight: network.cell.get_parameter(weight) * scale}
    if not isinstance(network.cell, RNN):
        i, _, g, o = network.cell.get_parameter(bias_name).chunk(4)
        parameters[bias_name] = torch.cat([i, torch.full_like(i, bias), g, o])
    return parameters


class Unrolled(torch.nn.Module):
    """`unroll` as the forward of a module."""

    def __init__(self, cell):
        super().__init__()
        self.cell = cell

    def forward(self, inputs, state):
        return unroll(self.cell, inputs, state)


def first_state(network):
    blank = network.cell.initial_state(network.inputs[:1])
    torch.manual_seed(3)
    return tuple(0.5 * torch.randn_like(part) for part in blank)


def log_shares(network, scale, bias, length):
    """Log10 of the norm of the gradient of the last output at each lag over that at lag 0, by autograd in double precision."""
    cell = Unrolled(network.cell)
    parameters = {
        f"cell.{name}": value.double() for name, value in {**dict(network.cell.named_parameters()), **changed(network, scale, bias)}.items()
    }
    state = tuple(part.double() for part in network.cell.initial_state(network.inputs[:1]))
    inputs = network.inputs.double()
    states = []  # zeros added to each state: h and c are moved one without the other
    for step in range(length):
        _, state = functional_call(cell, parameters, (inputs[None, step : step + 1], state))
        states.append(tuple(torch.zeros_like(part, requires_grad=True) for part in state))
        state = tuple(part + moved for part, moved in zip(state, states[-1], strict=True))
    weight = network.readout.weight.double()
    output = torch.einsum("u,u...->...", weight.flatten(), state[0][0]).flatten()
    pixel = network.targets[length - 1].flatten().argmax()
    gradients = torch.autograd.grad(output[pixel], [part for state in states for part in state], allow_unused=True)
    parts = len(states[0])
    norms = [
        math.sqrt(sum(float(part.square().sum()) for part in gradients[start : start + parts] if part is not None))
        for start in range(0, len(gradients), parts)
    ][::-1]
    return [math.log10(norm / norms[0]) for norm in norms]


def test_tasks_by_hand():
    torch.manual_seed(0)
    inputs, targets = echo(2, 9)
    assert torch.equal(targets[:, 5:], inputs[:, :4]) and not targets[:, :5].any()
    frames, after = moving_blob(3, 60)
    assert torch.equal(frames[:, 1:], after[:, :-1]) and 0 <= float(frames.min()) and float(frames.max()) <= 1
    middles = frames.flatten(2).argmax(-1)
    assert {int(place) for place in torch.cat([middles // 12, middles % 12]).unique()} <= set(range(2, 10)), "two pixels inside"


@pytest.mark.parametrize("name", NAMES)
def test_forward_step_is_the_cells(networks, name):
    network = networks[name]
    state, x = first_state(network), network.inputs[3:4]
    expected, after = functional_call(
        Unrolled(network.cell), {f"cell.{key}": value for key, value in changed(network, 1.7, -0.5).items()}, (x[None], state)
    )
    plain = name == "RNN"
    y, *rest = ForwardStep(network)(x, state[0], None if plain else state[1], torch.tensor([1.7]), None if plain else torch.tensor([-0.5]))
    torch.testing.assert_close(y, network.readout(expected[:, 0]))
    torch.testing.assert_close(tuple(rest[: len(after)]), after)


@pytest.mark.parametrize("name", NAMES)
def test_backward_step_is_autograds(networks, name):
    network = networks[name]
    state = tuple(part.double().requires_grad_() for part in first_state(network))
    parameters = {
        f"cell.{key}": value.double() for key, value in {**dict(network.cell.named_parameters()), **changed(network, 1.7, -0.5)}.items()
    }
    _, after = functional_call(Unrolled(network.cell), parameters, (network.inputs[None, 3:4].double(), state))
    above = tuple(torch.randn_like(part) for part in after)
    expected = torch.autograd.grad(after, state, above)
    scale = torch.tensor([1.7], dtype=torch.float64)
    if name == "RNN":
        made = (PlainBackward(network).double()(above[0], after[0], scale),)
    else:
        x, bias = network.inputs[3:4], torch.tensor([-0.5])
        gates = ForwardStep(network)(x, *(part.detach().float() for part in state), scale.float(), bias)[3].double()
        made = GatedBackward(network).double()(*above, gates, state[1], after[1], scale)
    for part, right in zip(made, expected, strict=True):
        torch.testing.assert_close(part, right, rtol=1e-5, atol=1e-6)  # the gates were computed in single precision


@pytest.mark.parametrize("name", NAMES)
def test_onnx_equals_torch(networks, graphs, name):
    onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed; pip install 'stormcell[export]'")
    network, (forward, backward) = networks[name], graphs[name]
    state, scale, bias = first_state(network), torch.tensor([2.3]), torch.tensor([0.4])
    x = network.inputs[3:4]
    grids = [(x, state)]
    if x.dim() == 4:  # other grid, other batch
        grids.append((torch.rand(3, 1, 7, 9), tuple(torch.randn(3, 4, 7, 9) for _ in state)))
    else:
        grids.append((torch.rand(3, 1), tuple(torch.randn(3, 16) for _ in state)))
    for x, state in grids:
        plain = name == "RNN"
        expected = ForwardStep(network)(x, state[0], None if plain else state[1], scale, None if plain else bias)
        feed = {"x": x, "h": state[0], "scale": scale} | ({} if plain else {"c": state[1], "forget_bias": bias})
        session = onnxruntime.InferenceSession(forward)
        names = ["y", "h_new"] if plain else ["y", "h_new", "c_new", "gates"]
        made = session.run(names, {key: value.numpy() for key, value in feed.items()})
        for part, right in zip(made, expected, strict=True):
            torch.testing.assert_close(torch.from_numpy(part), right.detach(), rtol=1e-5, atol=1e-6)
        above = tuple(torch.randn_like(part) for part in state)
        if plain:
            right_back = (PlainBackward(network)(above[0], expected[1], scale),)
            feed = {"dh": above[0], "h_new": expected[1], "scale": scale}
        else:
            right_back = GatedBackward(network)(*above, expected[3], state[1], expected[2], scale)
            feed = {"dh": above[0], "dc": above[1], "gates": expected[3], "c": state[1], "c_new": expected[2], "scale": scale}
        session = onnxruntime.InferenceSession(backward)
        made = session.run(["dh_old"] if plain else ["dh_old", "dc_old"], {key: value.detach().numpy() for key, value in feed.items()})
        for part, right in zip(made, right_back, strict=True):
            torch.testing.assert_close(torch.from_numpy(part), right.detach(), rtol=1e-5, atol=1e-5)


def test_training_is_repeatable_holds_the_forget_bias_and_leaves_the_random_numbers(networks):
    before = torch.random.get_rng_state()
    again = {one.name: one for one in train_all(steps=40)}
    assert torch.equal(before, torch.random.get_rng_state())
    for name, network in networks.items():
        assert torch.equal(network.readout.weight, again[name].readout.weight)
        assert network.inputs.shape[0] == network.targets.shape[0] == LONGEST
        if name != "RNN":
            assert (network.cell.get_parameter(recurrent(network.cell)[1]).chunk(4)[1] == FORGET_BIAS).all()


def test_stored_arrays_are_the_networks(networks, graphs):
    values = stored(networks["LSTM"])
    assert torch.equal(
        torch.frombuffer(bytearray(base64.b64decode(values["inputs"])), dtype=torch.float32), networks["LSTM"].inputs.flatten()
    )
    assert json.loads(json.dumps(values)) == values and values["shape"] == [1] and values["units"] == 16


def test_without_the_script_the_page_says_how_to_build_it(tmp_path, monkeypatch):
    monkeypatch.setattr(page_module, "_BUILT", tmp_path / "nothing")
    text = write_interactive(tmp_path / "book").read_text()
    assert "npm ci" in text and "build:lab" in text and "<script" not in text
    assert [file.name for file in (tmp_path / "book").iterdir()] == ["interactive.html"]


def settle(tab):
    tab.wait_for_selector('#shown[aria-busy="false"]', timeout=60_000)


def move(tab, **sliders):
    """Log10 of the share at each lag of the table, after the sliders were moved."""
    for name, value in sliders.items():
        tab.locator(f"#{name}").fill(str(value))
    settle(tab)
    lags = tab.eval_on_selector_all("#numbers th", "cells => cells.map(cell => Number(cell.textContent))")
    shares = tab.eval_on_selector_all("#numbers td", "cells => cells.map(cell => Number(cell.dataset.log))")
    return dict(zip(lags, shares, strict=True))


def test_page_in_a_browser(browser, written):
    page, networks = written
    tab = browser.new_page(viewport={"width": 390, "height": 800})
    faults: list[str] = []
    tab.on("pageerror", lambda error: faults.append(str(error)))
    tab.on("console", lambda message: faults.append(message.text))
    tab.on("request", lambda request: None if request.url.startswith(page.parent.as_uri()) else faults.append(request.url))
    tab.goto(page.as_uri())
    settle(tab)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390, "fits a phone"
    says = tab.locator("#says")
    for name in NAMES:
        tab.get_by_label("plain RNN" if name == "RNN" else name, exact=True).check()
        settle(tab)
        assert tab.locator("#bias").is_disabled() == (name == "RNN")
        for scale, length in ((1.0, 40), (0.2, 12)):
            shown = move(tab, scale=scale, length=length)
            right = log_shares(networks[name], scale, FORGET_BIAS, length)
            assert max(shown) == length - 1
            assert [shown[lag] for lag in shown] == pytest.approx([right[int(lag)] for lag in shown], abs=0.01), (name, scale)
    tab.get_by_role("button", name="Reset").click()
    settle(tab)
    assert tab.locator("#scale").input_value() == "1" and tab.get_by_label("LSTM", exact=True).is_checked()
    move(tab, scale=0.2)
    assert "vanishes" in says.inner_text()
    low = move(tab, scale=0.2, bias=-3)
    assert low[39] < move(tab, scale=0.2, bias=5)[39] - 5, "an open forget gate keeps the gradient"
    move(tab, scale=3, bias=1)
    assert "explodes" in says.inner_text()
    tab.locator("#length").press("ArrowRight")
    settle(tab)
    assert says.inner_text().startswith("40 steps back"), "by keyboard"
    assert faults == []
    tab.close()
