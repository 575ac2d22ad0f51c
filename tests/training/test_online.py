"""Learning from one's own radar: what is refitted, what decides, and that nothing is lost on the way."""

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from stormcell.data.synthetic import synthetic_storm
from stormcell.errors import FramesError, MethodError, ReadError
from stormcell.methods import Adapted, GuidedForecast, method_named
from stormcell.methods.calibrated import identity_of
from stormcell.networks.checkpoint import load_checkpoint
from stormcell.networks.guided import Guided
from stormcell.timeline import minutes
from stormcell.training.guided_samples import GuidedSamples, Layout
from stormcell.training.online import Online
from stormcell.training.online.guard import Guard, mean_csi
from stormcell.training.online.local_calibration import Fit, decisions_near, fit, folded, sampled
from stormcell.training.online.online import _margins
from stormcell.training.online.scans import lesson_of, scans_needed
from tests.methods.tiny_models import save_tiny

GUIDED = {"hidden": [4, 6], "tail": 4, "levels": [0.5, 2.0, 5.0], "steps": 4, "squares": [3]}
PAST, FUTURE = 3, 4


@pytest.fixture(scope="module")
def storm():
    return synthetic_storm(30, shape=(32, 32), seed=2)


@pytest.fixture
def model(tmp_path):
    return save_tiny(tmp_path / "tiny", network="guided", settings=GUIDED)


def network(seed: int = 0) -> Guided:
    """With a head that says something."""
    torch.manual_seed(seed)
    made = Guided((0.5, 2.0, 5.0), steps=6, squares=(3,), hidden=(4, 6), tail=4)
    torch.nn.init.normal_(made.residual.head.weight, std=0.3)
    return made.eval()


class TestLesson:
    def test_it_is_the_window_that_training_makes(self, storm, model):
        """On a radar with the model's pixels and step."""

        class One:
            length, shape, fingerprint = PAST + FUTURE, (32, 32), "one"

        _, config = load_checkpoint(model)
        scans = storm[: PAST + FUTURE]
        room = np.empty((Layout(PAST, FUTURE).length, 32, 32), np.float32)
        GuidedSamples(One(), PAST, km=1.0, step_minutes=5.0)._fill(scans.values, room)
        np.testing.assert_allclose(lesson_of(scans, config, multiple=4), room, atol=1e-5)

    def test_another_clock_and_other_pixels(self, storm, tmp_path):
        model = save_tiny(tmp_path / "slow", network="guided", settings=GUIDED, step_minutes=10.0, pixel_km=3.0)
        _, config = load_checkpoint(model)
        assert scans_needed(config, 5.0) == (5, 8)
        made = lesson_of(storm[:13], config, multiple=4)
        assert made.shape == (Layout(PAST, FUTURE).length, 12, 12), "32 pixels are 11 of 3 km, and 12 is the next multiple"
        truth = made[Layout(PAST, FUTURE).truth]
        assert np.isnan(truth[:, 11]).all() and np.isfinite(truth[:, :8, :8]).any()
        last = scans_needed(config, 5.0)[0] - 1
        assert np.nanmean(made[PAST - 1]) == pytest.approx(float(storm[last].mean()), rel=0.2)

    def test_too_few_scans(self, storm, model):
        with pytest.raises(FramesError, match="expected 3 scans of the past and 4 that came after, got 6"):
            lesson_of(storm[:6], load_checkpoint(model)[1], multiple=4)


class TestGuard:
    WELL, BADLY = np.array([[800.0, 100, 100]]), np.array([[500.0, 400, 400]])

    def test_the_better_one_is_taken(self):
        guard = Guard(chosen="frozen")
        guard.see({"frozen": self.BADLY, "online": self.WELL}, 0.0)
        assert guard.chosen == "online"
        assert guard.scores == {"frozen": pytest.approx(500 / 1300), "online": pytest.approx(0.8)}

    def test_no_change_of_mind_for_a_trifle(self):
        guard = Guard(chosen="frozen", margin=0.005)
        guard.see({"frozen": np.array([[800.0, 100, 100]]), "online": np.array([[802.0, 98, 100]])}, 0.0)
        assert guard.chosen == "frozen"

    def test_it_forgets(self):
        """After four half-lives a bad hour weighs a sixteenth, and a good one makes up for it."""
        guard = Guard(half_life=6.0, chosen="frozen")
        guard.see({"frozen": self.WELL, "online": self.BADLY}, 0.0)
        guard.see({"frozen": self.BADLY, "online": self.WELL}, 24.0)
        assert guard.chosen == "online"
        np.testing.assert_allclose(guard.counts["online"], self.WELL + self.BADLY / 16)

    def test_too_little_rain_changes_nothing(self):
        guard = Guard(chosen="frozen")
        guard.see({"frozen": self.BADLY / 100, "online": self.WELL / 100}, 0.0)
        assert guard.chosen == "frozen" and guard.scores == {"frozen": 0.0, "online": 0.0}

    def test_thresholds_without_events_have_no_say(self):
        assert mean_csi(np.array([[800.0, 100, 100], [1, 1, 50]])) == pytest.approx(0.8)


class TestLocalCalibration:
    def made(self, change: Fit, *, places: int = 4000):
        """Samples whose events come with the probabilities of a changed network."""
        rng = np.random.default_rng(4)
        base = network()
        guess = torch.from_numpy(rng.uniform(0.1, 0.7, (6, places)).astype(np.float32))
        logits = torch.from_numpy(rng.normal(0, 2, (6, 1, places)).astype(np.float32)) - torch.tensor([0.0, 1.0, 2.0])[None, :, None]
        d = ((guess[:, None] - base.anchor.levels[None, :, None]) / 0.1).clamp(-2.5, 2.5)
        group = torch.arange(6) // 3
        shift, weight = (torch.from_numpy(part).float()[group][:, :, None] for part in (change.shift, change.weight))
        z = logits * torch.from_numpy(change.slope).float()[None, :, None] + shift + weight * d
        level = torch.tensor(base.rates)
        u = torch.from_numpy(rng.random((6, places)).astype(np.float32))
        rain = torch.where(z[:, 0].sigmoid() > u, level[0], 0.0)
        for row in (1, 2):
            rain = torch.where(z[:, row].sigmoid() > u, level[row], rain)
        return logits, guess, rain, base

    def test_it_finds_what_changed(self):
        change = Fit(np.array([0.7, 0.7, 0.7]), np.full((2, 3), 0.5), np.zeros((2, 3)))
        found = fit(*self.made(change))
        np.testing.assert_allclose(found.slope[0], 0.7, atol=0.1)
        np.testing.assert_allclose(found.shift[:, 0], 0.5, atol=0.2)

    def test_few_samples_change_little(self):
        change = Fit(np.array([0.7, 0.7, 0.7]), np.full((2, 3), 0.5), np.zeros((2, 3)))
        found = fit(*self.made(change, places=10))
        assert np.abs(found.slope - 1).max() < 0.1 and np.abs(found.shift).max() < 0.15

    def test_nothing_known_changes_nothing(self):
        logits, guess, rain, base = self.made(Fit.as_it_is(2, 3), places=10)
        found = fit(logits, guess, rain * torch.nan, base)
        assert (found.slope == 1).all() and not found.shift.any() and not found.weight.any()

    def test_a_folded_network_gives_the_changed_logits(self):
        base = network()
        change = Fit(
            np.array([0.8, 1.1, 1.3]), np.array([[0.1, -0.2, 0.3], [0.4, 0.5, -0.6]]), np.array([[0.2, 0.0, -0.1], [0.3, 0.1, 0.2]])
        )
        torch.manual_seed(1)
        past, known, guess = (
            torch.rand(1, 3, 16, 16) * 0.6,
            torch.ones(1, 3, 16, 16, dtype=torch.bool),
            0.01 + torch.rand(1, 6, 16, 16) * 0.6,
        )
        motion = torch.zeros(1, 2, 16, 16)
        with torch.inference_mode():
            before, after = (each(past, known, guess, motion) for each in (base, folded(base, change)))
        d = ((guess[:, :, None] - base.anchor.levels[:, None, None]) / 0.1).clamp(-2.5, 2.5)
        group = torch.arange(6) // 3
        shift, weight = (torch.from_numpy(part).float()[group][None, :, :, None, None] for part in (change.shift, change.weight))
        expected = before * torch.from_numpy(change.slope).float()[:, None, None] + shift + weight * d
        torch.testing.assert_close(after, expected, atol=1e-4, rtol=1e-4)
        assert float(before.std()) > 0.1, "the network has a say"

    def test_members_are_not_shifted_twice(self):
        """What the fit has raised is not raised again; where it goes the other way, the shift stays."""
        base = network()
        base.member_shift.copy_(torch.tensor([0.4, 0.4, -0.2]))
        change = Fit(np.ones(3), np.array([[0.2, 0.9, 0.3], [0.0, 0.5, 0.1]]), np.zeros((2, 3)))
        torch.testing.assert_close(folded(base, change).member_shift, torch.tensor([0.3, 0.0, -0.2]))
        assert base.member_shift.tolist() == pytest.approx([0.4, 0.4, -0.2])

    def test_decisions_move_as_events_come(self):
        before, local = np.full((3, 1), 0.3), np.full((3, 1), 0.6)
        none, some, many = (float(decisions_near(before, local, np.full((3, 1), n))[0, 0]) for n in (0.0, 3000.0, 3e6))
        assert none == pytest.approx(0.3) and 0.3 < some < many and many == pytest.approx(0.6, abs=0.01)

    def test_surely_dry_places_are_not_sampled(self):
        logits = torch.full((2, 1, 8, 8), -9.0)
        logits[:, :, 2, 3] = 0.0
        logits[:, :, 5, 5] = 1.0
        field = torch.rand(2, 8, 8)
        valid = torch.ones(2, 8, 8, dtype=torch.bool)
        got, guess, _ = sampled(logits, field, field, valid, pixels=10, rng=np.random.default_rng(0))
        assert got.shape == (2, 1, 2) and guess[0].tolist() == [float(field[0, 2, 3]), float(field[0, 5, 5])]


class TestOnline:
    @pytest.mark.parametrize("shape", [(32, 32), (30, 37)])
    def test_a_grid_of_any_sides(self, model, tmp_path, shape):
        """The forecast of the frozen variant is the method's, also where the grid has to be made larger for the network."""
        storm = synthetic_storm(7, shape=shape, seed=2)
        (lesson,) = Online(tmp_path / "here", model).lessons(storm)
        forecast = GuidedForecast(model)(storm[:PAST], minutes(5, 20, step=5)).values[0]
        truth = storm.values[PAST:]
        known = np.isfinite(forecast) & np.isfinite(truth)
        for (hits, misses, false_alarms), threshold in zip(lesson.outcomes["frozen"], (0.5, 2.0, 5.0), strict=True):
            yes, came = forecast[known] >= threshold - 1e-3, truth[known] >= threshold - 1e-3
            assert [hits, misses, false_alarms] == pytest.approx([(yes & came).sum(), (~yes & came).sum(), (yes & ~came).sum()], abs=4)
        assert np.isfinite(lesson.loss) and lesson.outcomes["frozen"][0, 0] > 100

    def test_a_model_that_gives_no_numbers_is_told_of(self, storm, model, tmp_path):
        online = Online(tmp_path / "here", model)
        with torch.no_grad():
            online._frozen.anchor.bias.fill_(float("nan"))
        with pytest.raises(MethodError, match="is no number; begin again from a whole model"):
            list(online.lessons(storm))

    def test_a_stop_before_the_model_was_there_is_made_up_for(self, storm, model, tmp_path):
        folder = tmp_path / "here"
        list(Online(folder, model).lessons(storm[:10]))
        record = (folder / "online.json").read_text()
        (folder / "online.json").unlink()
        Online(folder, model)
        assert (folder / "online.json").read_text() == record
        shutil.move(folder / "model", folder / ".model.previous")
        assert isinstance(method_named(str(folder)), Adapted), "as one model takes the other's place"
        assert np.isfinite(method_named(str(folder))(storm[:5], minutes(5, 10, step=5)).values).any()

    def test_lessons_do_not_know_their_own_answer(self, storm, model, tmp_path):
        online = Online(tmp_path / "here", model)
        lessons = list(online.lessons(storm))
        issues = [int((lesson.issue_time - storm["time"].values[0]) / np.timedelta64(5, "m")) for lesson in lessons]
        assert issues == [2, 6, 10, 14, 18, 22], "as far apart as a forecast is long"
        assert {"sprog", "frozen", "calibrated", "online"} == set(lessons[0].outcomes)
        first = lessons[0].outcomes
        np.testing.assert_array_equal(first["frozen"], first["online"])
        np.testing.assert_array_equal(first["frozen"], first["calibrated"])

    def test_what_is_said_does_not_know_what_was_seen_later(self, storm, model, tmp_path):
        """Where an event is said depends on how much of the grid the forecast knows, which a gap in what came does not change."""
        gap = storm[:7].copy()
        gap[PAST:, :16] = np.nan
        online = Online(tmp_path / "here", model)
        module = online._modules["frozen"]
        lessons = (torch.from_numpy(lesson_of(scans, online.config, multiple=4))[None, :, None] for scans in (storm[:7], gap))
        windows = [module.window_of(lesson) for lesson in lessons]
        logits = module.logits_of(windows[0]).detach()[0]
        whole, part = (_margins(module.guided, logits, window) for window in windows)
        np.testing.assert_array_equal(part.numpy(), whole.numpy())
        assert int(windows[1].valid.sum()) < int(windows[0].valid.sum())
        assert not windows[1].valid[0, :, :16].any()

    def test_what_was_learnt_is_passed_over(self, storm, model, tmp_path):
        online = Online(tmp_path / "here", model)
        assert len(list(online.lessons(storm))) == 6
        assert list(online.lessons(storm)) == [] and online.update(storm[:7]) is None

    def test_it_learns(self, storm, model, tmp_path, monkeypatch):
        """The same rain again and again: the loss of the online variant falls. It is let go on though its CSI does not rise with that."""
        monkeypatch.setattr("stormcell.training.online.online._WORSE", 1.0)
        online = Online(tmp_path / "here", model, rate=3e-2)
        later = [storm[:7].assign_coords(time=storm["time"].values[:7] + np.timedelta64(hours, "h")) for hours in range(12)]
        losses = [lesson.loss for scans in later if (lesson := online.update(scans)) is not None]
        assert len(losses) == 12 and losses[-1] < 0.8 * losses[0]

    def test_a_stop_in_between_changes_nothing(self, storm, model, tmp_path):
        whole = Online(tmp_path / "whole", model)
        expected = list(whole.lessons(storm))
        first = Online(tmp_path / "parts", model)
        got = list(first.lessons(storm[:15]))
        got += list(Online(tmp_path / "parts").lessons(storm))
        assert [(one.issue_time, one.chosen) for one in got] == [(one.issue_time, one.chosen) for one in expected]
        np.testing.assert_allclose([one.loss for one in got], [one.loss for one in expected], rtol=1e-4)
        for name in expected[-1].outcomes:
            np.testing.assert_allclose(got[-1].outcomes[name], expected[-1].outcomes[name], atol=3)

    @pytest.mark.parametrize(("added", "parts"), [("member_shift", 3), ("anchor.staying", 4)])
    def test_a_memory_from_before_a_network_had_a_part(self, storm, model, tmp_path, added, parts):
        """It is missing in all three networks, and in the sums of AdaGrad if it has a gradient."""
        list(Online(tmp_path / "here", model).lessons(storm[:15]))
        (memory,) = (tmp_path / "here").glob("*.safetensors")
        with safe_open(memory, framework="pt") as file:
            said = file.metadata()
        kept = load_file(memory)
        older = {key: value for key, value in kept.items() if added not in key}
        assert len(older) == len(kept) - parts
        save_file(older, memory, said)
        assert len(list(Online(tmp_path / "here").lessons(storm))) == 3

    def test_the_folder_is_a_method(self, storm, model, tmp_path):
        list(Online(tmp_path / "here", model).lessons(storm[:20]))
        method = method_named(str(tmp_path / "here"))
        assert isinstance(method, Adapted)
        forecast = method(storm[:5], minutes(5, 20, step=5))
        assert forecast.attrs["method"] == "here" and forecast.attrs["lessons"] == 4
        assert forecast.attrs["variant"] == json.loads((tmp_path / "here" / "online.json").read_text())["chosen"]
        assert np.isfinite(forecast.values).any()
        assert repr(method) == "Adapted('here')" and method.identity == identity_of(str(tmp_path / "here"))

    def test_sprog_in_use_is_sprog(self, storm, model, tmp_path):
        list(Online(tmp_path / "here", model).lessons(storm[:10]))
        record = tmp_path / "here" / "online.json"
        past, leads = storm[:5], minutes(5, 20, step=5)
        before = json.loads(record.read_text())
        record.write_text(json.dumps(before | {"chosen": "frozen"}))
        assert method_named(str(tmp_path / "here")).identity.startswith("model "), "told by its weights"
        record.write_text(json.dumps(before | {"chosen": "sprog"}))
        forecast = method_named(str(tmp_path / "here"))(past, leads)
        np.testing.assert_array_equal(forecast.values, method_named("sprog")(past, leads).values)
        members = method_named(str(tmp_path / "here"))(past, leads, members=2, seed=1)
        assert members.attrs["variant"] == "frozen" and members.sizes["member"] == 2
        assert forecast.attrs["variant"] == "sprog" and method_named(str(tmp_path / "here")).identity == "sprog"
        record.write_text("{}")
        with pytest.raises(ReadError, match="expected the record of a model that goes on learning"):
            method_named(str(tmp_path / "here"))(past, leads)

    def test_learning_that_does_harm_is_taken_back(self, storm, model, tmp_path, monkeypatch):
        """A rate that ruins the network: it falls behind, starts again, and is not in use."""
        monkeypatch.setattr("stormcell.training.online.guard._FEWEST", 1.0)
        monkeypatch.setattr(mean_csi, "__defaults__", (1.0,))
        online = Online(tmp_path / "here", model, rate=30.0)
        lessons = list(online.lessons(storm))
        assert any(lesson.started_again for lesson in lessons)
        assert all(lesson.chosen != "online" for lesson in lessons if lesson.started_again)

    def test_where_to_begin_has_to_be_said(self, storm, model, tmp_path):
        with pytest.raises(MethodError, match="say which model to begin from"):
            Online(tmp_path / "new")
        with pytest.raises(MethodError, match="guided by a first guess"):
            Online(tmp_path / "new", save_tiny(tmp_path / "pyramid"))
        list(Online(tmp_path / "here", model).lessons(storm[:10]))
        other = save_tiny(tmp_path / "other", network="guided", settings=GUIDED | {"tail": 6})
        with pytest.raises(MethodError, match="was begun from another model"):
            Online(tmp_path / "here", other)

    def test_a_broken_memory_is_told_of(self, storm, model, tmp_path):
        list(Online(tmp_path / "here", model).lessons(storm[:10]))
        memory = tmp_path / "here" / "online.safetensors"
        memory.write_bytes(memory.read_bytes()[:1000])
        with pytest.raises(ReadError, match="no memory of online learning that fits"):
            Online(tmp_path / "here", model)
