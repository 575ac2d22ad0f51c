"""Write docs/images/live-map*.png and say how fast the page is: a service over a real event, in headless Chromium.

python tools/make_live_picture.py ../shared/radar/events/meteoswiss_2015-05-15

Said are medians of five: when something is painted first; when the rain is drawn; and how many pictures a second are shown from the first
moment of the timeline to the last at the highest speed. A picture counts when it is another moment than the one before, and when the
browser drew a frame for it, by its own trace.
"""

import json
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median

import numpy as np
import uvicorn
from playwright.sync_api import Browser, Page, sync_playwright

from stormcell.service.app import create_app
from stormcell.service.cycle import run_cycle
from stormcell.service.intake import Arrivals
from stormcell.service.live import open_workshop
from stormcell.service.map_page import add_map_page
from stormcell.service.settings import MethodSettings, ServiceSettings, read_settings

PICTURE = Path("docs/images/live-map.png")
OTHERS = {  # what is asked for, size, and whether it is dark
    "docs/images/live-map-comparison.png": ("compare=steps&quantity=p0.5", (1360, 850), True),
    "docs/images/live-map-phone.png": ("method=guided", (390, 844), False),
}
PLACE = "46.2/8.2"
REPEATS = 5
DRAWN = "window.stormcellMap && window.stormcellMap.isDrawn"
PASS = """() => {
  const slider = document.querySelector("#slider");
  window.moments = new Set();
  new MutationObserver((_, observer) => {
    if (window.moments.size === 0) performance.mark("pass begins");
    window.moments.add(slider.value);
    if (slider.value !== slider.max) return;
    performance.mark("pass ends");
    observer.disconnect();
    window.passed = true;
  }).observe(slider, { attributeFilter: ["aria-valuetext"] });
  window.passed = false;
}"""


def filled(event: Path, folder: Path) -> tuple[ServiceSettings, float]:
    """A service that has seen an event, and a moment two minutes after its last scan."""
    methods = (MethodSettings(name="guided"), MethodSettings(name="steps", members=12))
    (folder / "inbox").mkdir()
    settings = read_settings(
        environment={}, watch=folder / "inbox", folder=folder / "live", methods=methods, lead="60min", settle_seconds=0
    )
    with open_workshop(settings) as workshop:
        arrivals = Arrivals(folder / "inbox", 0)
        for scan in sorted(event.iterdir())[:20]:
            shutil.copy(scan, folder / "inbox")
            start = time.perf_counter()
            cycle = run_cycle(workshop, arrivals.look(workshop.database))
            print(f"{scan.name}: {time.perf_counter() - start:.1f} s", *cycle.problems)
        newest = workshop.database.newest_scan()
    assert newest is not None, "no scan came in"
    return settings, float(newest.time.astype(np.int64)) + 120


def until(page: Page, expression: str) -> None:
    """Wait for a condition in the page."""
    end = time.monotonic() + 60
    while not page.evaluate(f"() => Boolean({expression})"):
        if time.monotonic() > end:
            raise TimeoutError(expression)
        page.wait_for_timeout(20)


def opened(browser: Browser, address: str) -> tuple[Page, float, float]:
    """The page in a browser that has not seen it, and milliseconds until the first paint and until there is rain."""
    page = browser.new_context(viewport={"width": 1360, "height": 850}, locale="en-GB").new_page()
    page.goto(f"{address}/#point={PLACE}")
    until(page, DRAWN)
    rain: float = page.evaluate("() => performance.now()")
    paint: float = page.evaluate("() => performance.getEntriesByName('first-contentful-paint')[0].startTime")
    return page, paint, rain


def pictures_a_second(browser: Browser, page: Page) -> float:
    """Of one pass along the timeline: the fewer of moments that were shown and of frames that the browser drew."""
    page.locator("body").press("Home")
    until(page, DRAWN)
    browser.start_tracing(page=page, categories=["viz", "blink.user_timing"])
    page.evaluate(PASS)
    page.locator("#play").click()
    until(page, "window.passed")
    page.locator("#play").click()
    events = json.loads(browser.stop_tracing())["traceEvents"]
    begin, end = (next(event["ts"] for event in events if event["name"] == name) for name in ("pass begins", "pass ends"))
    drawn: int = sum(event["name"] == "Display::DrawAndSwap" and event["ph"] == "X" and begin < event["ts"] <= end for event in events)
    seconds: float = (end - begin) / 1e6
    moments: int = page.evaluate("() => window.moments.size")
    return min(moments - 1, drawn) / seconds


def other_pictures(browser: Browser, address: str) -> None:
    """Two methods beside each other in the dark, and a phone; half an hour ahead."""
    for path, (asked, (width, height), dark) in OTHERS.items():
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", locale="en-GB")
        page = context.new_page()
        page.goto(f"{address}/#point={PLACE}&{asked}")
        until(page, "document.querySelector('#meteogram canvas')")
        page.locator("#slider").fill("25")
        until(page, DRAWN)
        page.locator("#slider").blur()
        page.wait_for_timeout(1000)  # the second map has its own tiles
        page.screenshot(path=path)
        context.close()


def main(event: Path) -> None:
    """Fill, serve, look."""
    with tempfile.TemporaryDirectory() as folder:
        settings, moment = filled(event, Path(folder))
        app = create_app(settings, clock=lambda: moment)
        add_map_page(app)
        server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            time.sleep(0.05)
        address = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
                starts = [opened(browser, address) for _ in range(REPEATS)]
                page = starts[-1][0]
                for earlier, *_ in starts[:-1]:
                    earlier.close()
                until(page, "document.querySelector('#meteogram canvas')")
                page.locator("#speed").select_option("30")
                speeds = [pictures_a_second(browser, page) for _ in range(REPEATS + 1)][1:]  # the first one waits for its pictures
                page.locator("#slider").fill("20")
                until(page, DRAWN)
                page.locator("#slider").blur()
                page.locator("#speed").select_option("8")
                page.screenshot(path=PICTURE)
                other_pictures(browser, address)
                browser.close()
        finally:
            server.should_exit = server.force_exit = True
            thread.join()
    paint, rain = median(paint for _, paint, _ in starts), median(rain for _, _, rain in starts)
    print(f"first paint after {paint:.0f} ms, rain after {rain:.0f} ms; {median(speeds):.1f} pictures a second; wrote {PICTURE}")
    print("pictures a second of each pass:", *(f"{speed:.1f}" for speed in speeds))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
