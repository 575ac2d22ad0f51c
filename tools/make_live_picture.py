"""Write docs/images/live-map.png and say how fast the page is: a service over a real event, in headless Chromium.

python tools/make_live_picture.py ../shared/radar/events/meteoswiss_2015-05-15
"""

import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import uvicorn
from playwright.sync_api import Page, sync_playwright

from stormcell.service.app import create_app
from stormcell.service.cycle import run_cycle
from stormcell.service.intake import Arrivals
from stormcell.service.live import open_workshop
from stormcell.service.map_page import add_map_page
from stormcell.service.settings import MethodSettings, ServiceSettings, read_settings

PICTURE = Path("docs/images/live-map.png")
PLACE = "46.2/8.2"
FRAMES_A_SECOND = """() => new Promise((done) => {
  let frames = 0;
  const start = performance.now();
  const count = (now) => { frames += 1; now - start > 5000 ? done(frames / (now - start) * 1000) : requestAnimationFrame(count); };
  requestAnimationFrame(count);
})"""


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
                page = browser.new_page(viewport={"width": 1360, "height": 850}, locale="en-GB")
                page.goto(f"{address}/#point={PLACE}")
                until(page, "window.stormcellMap && window.stormcellMap.areTilesLoaded() && document.querySelector('#meteogram canvas')")
                paint = page.evaluate("() => performance.getEntriesByName('first-contentful-paint')[0].startTime")
                for _ in range(6):
                    page.locator("body").press("ArrowRight")
                until(page, "window.stormcellMap.areTilesLoaded()")
                page.locator("#play").click()
                page.wait_for_timeout(8000)
                speed = page.evaluate(FRAMES_A_SECOND)
                page.locator("#play").click()
                page.locator("#slider").fill("20")
                page.wait_for_timeout(1500)
                page.screenshot(path=PICTURE)
                browser.close()
        finally:
            server.should_exit = server.force_exit = True
            thread.join()
    print(f"first paint after {paint:.0f} ms, {speed:.0f} pictures a second while it plays; wrote {PICTURE}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
