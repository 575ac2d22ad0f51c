"""The page in a real browser."""

import json
import re
import shutil

import pytest

from stormcell.methods.nowcast import nowcast
from stormcell.products.ensemble.dataset import ensemble_products
from stormcell.products.page import write_page


@pytest.fixture(scope="module")
def page(storm, tmp_path_factory):
    past = storm.isel(time=slice(4)).assign_attrs(source="<script>alert('radar')</script>")
    return write_page(past, nowcast(past, lead="10min"), tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def browser():
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on this machine; install it to test pages")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as driver:
        flags = [
            "--no-sandbox",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ]
        instance = driver.chromium.launch(executable_path=chromium, args=flags)
        yield instance
        instance.close()


def test_the_page_stands_alone(page):
    text = page.read_text()
    assert not re.search(r"(src|href)=[\"']https?:", text) and "<script>alert" not in text
    frames = json.loads(re.search(r'type="application/json">(.*?)</script>', text)[1])
    assert [frame["label"][-8:] for frame in frames] == ["observed"] * 4 + ["t +5 min", " +10 min"]
    assert all((page.parent / frame["file"]).is_file() for frame in frames)


def labels_seen(tab):
    """Every label that the page shows from here on, kept by the page itself: looking now and then would miss some."""
    return tab.evaluate_handle(
        """() => {
            const label = document.querySelector("#label"), seen = [];
            new MutationObserver(() => seen.push(label.textContent)).observe(label, {childList: true, characterData: true, subtree: true});
            return seen;
        }"""
    )


def test_slider_and_button_work(page, browser):
    tab = browser.new_page(viewport={"width": 900, "height": 1000})
    faults: list[str] = []
    tab.on("pageerror", lambda error: faults.append(str(error)))
    tab.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    tab.on("requestfailed", lambda request: faults.append(request.url))
    tab.goto(page.as_uri())
    picture = tab.locator("#picture")
    assert tab.locator("#label").inner_text() == "12:15 UTC, observed"
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 300
    tab.locator("#time").press("ArrowRight")
    assert tab.locator("#label").inner_text() == "12:20 UTC, forecast +5 min" and "forecast" in picture.get_attribute("src")
    seen = labels_seen(tab)
    tab.locator("#play").click()
    assert tab.locator("#play").inner_text() == "Pause"
    round_again = "seen => new Promise(done => setInterval(() => seen.includes('12:05 UTC, observed') && done(seen), 50))"
    assert tab.evaluate(round_again, seen)[:3] == ["12:25 UTC, forecast +10 min", "12:00 UTC, observed", "12:05 UTC, observed"]
    tab.locator("#play").click()
    stopped = tab.locator("#time").input_value()
    tab.wait_for_timeout(600)
    assert tab.locator("#time").input_value() == stopped and tab.locator("#play").inner_text() == "Play"
    assert "<script>alert('radar')</script>" in tab.locator("p").inner_text(), "text from files is shown as text"
    assert faults == []
    tab.close()


def test_layers_can_be_chosen(storm, tmp_path, browser):
    past = storm.isel(time=slice(4))
    forecast = nowcast(past, lead="10min")
    products = ensemble_products(forecast, probability=(1.0,), onset=0.5, past=past)
    tab = browser.new_page()
    faults: list[str] = []
    tab.on("pageerror", lambda error: faults.append(str(error)))
    tab.goto(write_page(past, forecast, tmp_path, products=products).as_uri())
    picture = tab.locator("#picture")
    assert tab.locator("#layer option").all_inner_texts() == [
        "Rain rate",
        "Probability of 1 mm/h or more",
        "Minutes until rain of 0.5 mm/h or more starts",
        "Minutes until rain of 0.5 mm/h or more ends",
    ]
    tab.locator("#layer").select_option(index=1)
    assert "observed" in picture.get_attribute("src"), "what was observed is rain in every layer"
    tab.locator("#time").press("ArrowRight")
    assert "probability_1mm" in picture.get_attribute("src") and tab.locator("#label").inner_text() == "12:20 UTC, forecast +5 min"
    tab.locator("#layer").select_option(index=2)
    assert "rain_start" in picture.get_attribute("src")
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 300
    assert faults == []
    tab.close()


def test_one_layer_is_no_choice(page, browser):
    tab = browser.new_page()
    tab.goto(page.as_uri())
    assert tab.locator("#layer").is_hidden()
    tab.close()
