"""The map page in a real browser: what a person sees, hears from a screen reader, and does with mouse and keyboard."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from stormcell.products.colours import PROBABILITY, RAIN_TABLES
from stormcell.service.app import create_app
from stormcell.service.cycle import run_cycle
from stormcell.service.intake import Arrivals
from stormcell.service.live import open_workshop
from stormcell.service.map_page import add_map_page, static_folder
from stormcell.service.settings import MethodSettings, read_settings
from tests.products.test_page import browser as browser
from tests.service.conftest import arrive
from tests.service.process import free_port

CYCLES = 6
AXE = Path(__file__).parents[2] / "web/node_modules/axe-core/axe.min.js"


@pytest.fixture(scope="module")
def service(scans, tmp_path_factory) -> Iterator[tuple[str, object, object]]:
    """A running service with six scans, its address, and how the next scan comes."""
    if not (static_folder() / "index.html").is_file():
        pytest.skip("the map page is not built: cd web; npm ci; npm run build:map")
    folder = tmp_path_factory.mktemp("service")
    inbox = folder / "inbox"
    inbox.mkdir()
    methods = (MethodSettings(name="advection"), MethodSettings(name="steps", members=4))
    settings = read_settings(environment={}, watch=inbox, folder=folder / "live", methods=methods, lead="30min", settle_seconds=0)
    with open_workshop(settings) as workshop:
        arrivals, left = Arrivals(inbox, 0), list(scans)

        def next_scan() -> None:
            arrive(left.pop(0), inbox)
            assert run_cycle(workshop, arrivals.look(workshop.database)).problems == []

        for _ in range(CYCLES):
            next_scan()
        app = create_app(settings)
        add_map_page(app)
        port = free_port()
        server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error"))
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}", next_scan, settings
        server.should_exit = True
        server.force_exit = True
        thread.join()


STEPS = "**/v1/forecasts/latest?method=steps*"


def until(page, expression: str, seconds: float = 90) -> None:
    """Wait for a condition in the page; its policy lets no text become a script, so it is asked again and again."""
    end = time.monotonic() + seconds
    while not page.evaluate(f"() => Boolean({expression})"):
        assert time.monotonic() < end, expression
        page.wait_for_timeout(50)


@pytest.fixture
def page(browser, service):
    """The page, loaded; in the end nothing went wrong in it, and it asked nobody else."""
    context = browser.new_context(viewport={"width": 1200, "height": 800}, locale="en-GB")
    opened = context.new_page()
    problems: list[str] = []
    opened.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("request", lambda request: None if request.url.startswith((service[0], "blob:", "data:")) else problems.append(request.url))
    opened.goto(service[0])
    until(opened, "window.stormcellMap && window.stormcellMap.isDrawn")
    yield opened
    assert not problems, problems
    context.close()


def test_it_says_how_old_its_data_are(page):
    assert page.locator("#status").inner_text().startswith("OLD DATA: the newest radar scan is of 2024-07-01")
    assert "bad" in page.locator("#status").get_attribute("class")


def test_radar_and_forecast_are_told_apart_along_the_timeline(page):
    slider = page.locator("#slider")
    assert int(slider.get_attribute("max")) == CYCLES + 6 - 1 and slider.input_value() == str(CYCLES - 1)
    assert page.locator("#time").inner_text() == "12:25 UTC · radar" and page.locator("#shown").inner_text() == "radar"
    page.locator("body").press("ArrowRight")
    assert page.locator("#time").inner_text() == "12:30 UTC · forecast +5 min" and page.locator("#shown").inner_text() == "forecast"
    assert slider.get_attribute("aria-valuetext") == "2024-07-01 12:30 UTC, forecast +5 min"
    page.locator("body").press("Home")
    assert page.locator("#time").inner_text().startswith("12:00 UTC")
    page.locator("body").press(" ")
    until(page, "document.querySelector('#slider').value > 2")
    page.locator("#play").click()
    place = slider.input_value()
    page.wait_for_timeout(400)
    assert slider.input_value() == place and page.locator("#play").get_attribute("aria-label") == "Play"


def test_rain_is_on_the_map(page):
    """The picture changes where there is rain, when the rain is made invisible."""
    with_rain = page.locator("#map").screenshot()
    page.locator("#opacity").fill("10")
    assert page.locator("#map").screenshot() != with_rain


def rain_seen(page) -> tuple[set[str], list[float]]:
    """Colours of the rain that is drawn, and its middle among the pixels of the map."""
    colours, middle = page.evaluate(
        """() => {
            const sheet = document.querySelector("#map .rain"), colours = new Set(), middle = [0, 0];
            const { data } = sheet.getContext("2d").getImageData(0, 0, sheet.width, sheet.height);
            let count = 0;
            for (let at = 0; at < data.length; at += 4) if (data[at + 3] === 255) {
                colours.add("#" + [...data.slice(at, at + 3)].map((part) => part.toString(16).padStart(2, "0")).join(""));
                middle[0] += at / 4 % sheet.width; middle[1] += Math.floor(at / 4 / sheet.width); count += 1;
            }
            return [[...colours], middle.map((sum) => sum / count)];
        }"""
    )
    return set(colours), middle


def test_rain_moves_with_the_map(page):
    """By as many pixels as the place below it."""
    page.evaluate("() => { window.stormcellMap.map.setZoom(window.stormcellMap.map.getZoom() - 1.3); }")
    until(page, "window.stormcellMap.isDrawn")
    place = page.evaluate("() => window.stormcellMap.map.getCenter().toArray()")
    before = rain_seen(page)[1]
    page.evaluate("() => { window.stormcellMap.map.panBy([120, -70], { duration: 0 }); }")
    until(page, "window.stormcellMap.isDrawn")
    width, height = page.evaluate("() => [document.querySelector('#map').clientWidth, document.querySelector('#map').clientHeight]")
    at = page.evaluate("(place) => { const { x, y } = window.stormcellMap.map.project(place); return [x, y]; }", place)
    assert at == pytest.approx([width / 2 - 120, height / 2 + 70], abs=0.1)
    after = rain_seen(page)[1]
    assert [after[0] - before[0], after[1] - before[1]] == pytest.approx([-120, 70], abs=1.5)


def test_the_colours_of_rain_are_chosen_and_kept(page, service):
    def of(table: str) -> set[str]:
        return set(RAIN_TABLES[table].colours)

    assert rain_seen(page)[0] <= of("stormcell")
    page.locator("#table").select_option("cividis")
    until(page, "document.querySelector('#legend li i').style.background === 'rgb(22, 55, 112)' && window.stormcellMap.isDrawn")
    assert rain_seen(page)[0] <= of("cividis") and "table=cividis" in page.url
    page.locator("#unit").select_option("dBZ")
    assert page.locator("#legend li").all_inner_texts()[:3] == ["7", "12", "18"]
    assert page.locator("#legend li i").first.evaluate("(one) => one.style.background") == "rgb(22, 55, 112)"
    page.goto("about:blank")
    page.goto(service[0])
    until(page, "window.stormcellMap && window.stormcellMap.isDrawn")
    assert page.locator("#table").input_value() == "cividis" and rain_seen(page)[0] <= of("cividis")
    page.goto("about:blank")
    page.goto(f"{service[0]}/#table=radar")  # a link goes before what was kept
    until(page, "window.stormcellMap && window.stormcellMap.isDrawn")
    assert page.locator("#table").input_value() == "radar" and rain_seen(page)[0] <= of("radar")


def test_it_plays_as_quickly_as_it_is_told(page):
    """Every picture that is drawn while it plays is the next one, with rain in it, and the map below is not drawn again."""
    page.locator("#speed").select_option("30")
    page.evaluate("() => { window.renders = 0; window.stormcellMap.map.on('render', () => { window.renders += 1; }); }")
    page.locator("body").press("Home")
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")  # and is told so
    shown = page.evaluate_handle(
        """() => { const seen = []; new MutationObserver(() => seen.push(document.querySelector("#slider").value)).observe(
            document.querySelector("#slider"), { attributeFilter: ["aria-valuetext"] }); return seen; }"""
    )
    page.locator("#play").click()
    until(page, "document.querySelector('#slider').value === document.querySelector('#slider').max")
    page.locator("#play").click()
    places = list(dict.fromkeys(int(place) for place in shown.json_value()))
    places = places[places[0] == 0 :]  # on a busy machine it may be told only now that it stands at the beginning
    assert places[: CYCLES + 5] == list(range(1, CYCLES + 6)) and rain_seen(page)[0]
    assert page.evaluate("() => window.renders") < 3


def test_a_click_tells_the_rain_at_a_place(page, service):
    page.locator("#map .maplibregl-canvas").click(position={"x": 400, "y": 330})
    until(page, "document.querySelector('#meteogram canvas')")
    until(page, "/forecast is over/.test(document.querySelector('#outlook').textContent)")
    lat, lon = page.locator("#lat").input_value(), page.locator("#lon").input_value()
    assert f"point={lat}/{lon}" in page.url.replace("%2F", "/")
    page.locator("#lat").fill("-60")
    page.locator("#coordinates button").click()
    until(page, "document.querySelector('#outlook').textContent === \"Beyond the radar's grid.\"")


def test_an_answer_that_comes_late_counts_for_nothing(page):
    held = []
    page.route("**/v1/point?*lat=55.1*", lambda route: held.append(route))
    for lat in ("55.1", "-60"):
        page.locator("#lat").fill(lat)
        page.locator("#lon").fill("9.7")
        page.locator("#coordinates button").click()
    until(page, "document.querySelector('#outlook').textContent === \"Beyond the radar's grid.\"")
    with page.expect_response("**/v1/point?*lat=55.1*") as late:
        held[0].continue_()
    late.value.finished()
    page.wait_for_timeout(200)
    assert page.locator("#outlook").text_content() == "Beyond the radar's grid."


def test_what_a_person_does_while_an_answer_is_awaited_stands(page):
    """The moment chosen in the meantime stays, and of two methods the one chosen last is shown, though its answer came first."""
    held = []
    page.route(STEPS, lambda route: held.append(route))
    page.locator("#method").select_option("steps")
    page.locator("body").press("End")
    let_go(page, held)
    until(page, "document.querySelector('#map').dataset.method === 'steps'")
    assert page.locator("#slider").input_value() == page.locator("#slider").get_attribute("max") == str(CYCLES + 6 - 1)
    choose_method(page, "advection")
    page.route(STEPS, lambda route: held.append(route))
    page.locator("#method").select_option("steps")
    choose_method(page, "advection")
    with page.expect_response(STEPS) as late:
        let_go(page, held)
    late.value.finished()
    page.wait_for_timeout(200)
    assert page.locator("#map").get_attribute("data-method") == "advection"


def let_go(page, held) -> None:
    """Let the answers that are held back come: there may be several, for the page asks by itself when a scan has come."""
    while not held:
        page.wait_for_timeout(20)
    while held:
        held.pop(0).continue_()
    page.unroute(STEPS)


def test_what_found_no_answer_is_asked_again(page):
    page.evaluate(
        """() => { const ask = window.fetch; let failures = 1; window.fetch = (...what) =>
            String(what[0]).includes("/v1/scans") && failures-- > 0 ? Promise.reject(new TypeError("no network")) : ask(...what); }"""
    )
    page.locator("#method").select_option("steps")
    until(page, "document.querySelector('#status').textContent.startsWith('The service does not answer')")
    until(page, "document.querySelector('#map').dataset.method === 'steps'", seconds=20)
    assert page.locator("#status").inner_text().startswith("OLD DATA")


def choose_method(page, name: str) -> None:
    page.locator("#method").select_option(name)
    until(page, f"document.querySelector('#map').dataset.method === '{name}'")


def test_two_methods_beside_each_other(page):
    page.locator("#compare").select_option("steps")
    until(page, "document.querySelector('#other .rain') && !document.querySelector('#other').hidden")
    assert page.locator("#other").get_attribute("data-method") == "steps"
    boxes = [page.locator(f"#{name} .maplibregl-canvas").bounding_box() for name in ("map", "other")]
    assert abs(boxes[0]["width"] - boxes[1]["width"]) < 4 and boxes[0]["x"] + boxes[0]["width"] <= boxes[1]["x"] + 4
    page.locator("#compare").select_option("")
    until(page, "document.querySelector('#other').hidden")


def test_chances_of_an_ensemble(page):
    choose_method(page, "steps")
    page.locator("#quantity").select_option("p1")
    page.locator("body").press("End")
    until(page, "window.stormcellMap.isDrawn")
    assert rain_seen(page)[0] <= set(PROBABILITY.colours)
    assert page.locator("#legend p").all_inner_texts() == ["%", "mm/h"], "the chances, and the rain that the radar saw"


def test_how_good_the_forecasts_were(page):
    until(page, "document.querySelector('#scores canvas')")
    assert page.locator("#scores .lines li").all_inner_texts() == ["advection", "steps", "persistence"]
    rows = page.locator("#scores tbody tr").all_text_contents()
    assert len(rows) == 3 and rows[0].startswith("advection")


def test_another_language(page):
    choose_method(page, "steps")
    page.locator("#language").select_option("de")
    assert page.locator("html").get_attribute("lang") == "de" and page.locator("#share").inner_text() == "Link teilen"
    assert page.locator("#status").inner_text().startswith("ALTE DATEN") and "Radar" in page.locator("#time").inner_text()
    assert page.locator("#method").input_value() == "steps", "what was chosen stays"
    page.reload()
    until(page, "window.stormcellMap && window.stormcellMap.isDrawn")
    assert page.locator("#language").input_value() == "de"


def test_a_link_shows_the_same_again(page, service):
    page.goto("about:blank")
    page.goto(f"{service[0]}/#map=7.5/47.1/8.2&time=2024-07-01T12:40:00Z&method=steps&compare=advection&quantity=p0.5")
    until(page, "window.stormcellMap && window.stormcellMap.isDrawn")
    until(page, "/12:40 UTC · forecast/.test(document.querySelector('#time').textContent)")
    chosen = [page.locator(f"#{name}").input_value() for name in ("method", "compare", "quantity")]
    assert chosen == ["steps", "advection", "p0.5"]
    assert page.evaluate("() => window.stormcellMap.map.getZoom()") == pytest.approx(7.5)


def test_everything_has_a_name(page):
    nameless = page.evaluate(
        "() => [...document.querySelectorAll('button, select, input, summary')].filter((one) => !(one.labels?.length && "
        "[...one.labels].some((label) => label.textContent.trim())) && !one.getAttribute('aria-label') && !one.textContent.trim())"
        ".map((one) => one.outerHTML)"
    )
    assert nameless == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1200, 800), (390, 800)], ids=["desktop", "phone"])
def test_no_rule_of_wcag_aa_is_broken(browser, service, theme, size):
    """By axe, with all parts of the page open: a meteogram with its band, two maps, scores, chances."""
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: cd web; npm ci")
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=theme, locale="en-GB")
    context.add_init_script(path=AXE)  # the page's own policy would refuse it
    page = context.new_page()
    page.goto(f"{service[0]}/#point=55.2/9.8&compare=steps&quantity=p0.5")
    until(page, "window.stormcellMap && window.stormcellMap.isDrawn && document.querySelector('#scores canvas')")
    page.evaluate("() => { for (const part of document.querySelectorAll('details')) part.open = true; }")
    until(page, "document.querySelector('#meteogram canvas') && document.querySelector('#meteogram .band')")
    found = page.evaluate("(rules) => axe.run({ runOnly: rules })", ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"])
    broken = [(rule["id"], node["html"][:200], node["failureSummary"]) for rule in found["violations"] for node in rule["nodes"]]
    assert broken == [] and len(found["passes"]) > 10
    context.close()


def test_on_a_phone_nothing_is_cut_off(page):
    page.set_viewport_size({"width": 390, "height": 800})
    page.wait_for_timeout(200)
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    assert page.locator("#play").is_visible() and page.locator("#map .maplibregl-canvas").bounding_box()["height"] > 200


def test_a_new_scan_appears_by_itself(page, service):
    before = page.locator("#time").inner_text()
    service[1]()
    until(page, f"document.querySelector('#time').textContent !== {before!r}")
    assert page.locator("#time").inner_text().endswith("radar")


def test_without_the_build_the_page_says_how(service, monkeypatch, tmp_path):
    from starlette.testclient import TestClient

    monkeypatch.setattr("stormcell.service.map_page.static_folder", lambda: tmp_path)
    app = create_app(service[2])
    add_map_page(app)
    with TestClient(app) as client:
        answer = client.get("/")
        assert answer.status_code == 200 and "npm run build:map" in answer.text and client.get("/v1/status").status_code == 200
