"""How fast the dashboard feels, in a real browser: medians, as a table, with the machine they were measured on.

    PYTHONPATH=. .venv/bin/python benchmarks/ui.py [--repeats 10] [--only start,pages,runs,heatmap,cancel,truth]

Every time but the cold start is taken inside the page: from the event (a click) to the frame in which what was asked
for is there and the app's script has ended. A stored run is written anew before each look, so that no
cache has it.
"""

import argparse
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import psutil
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.measure import machine
from benchmarks.ui_truth import truth
from tests.browser.running import PAGES, SLOW, launch, running_app, settled, visit
from tests.browser.states import edit_aware
from tests.browser.stocked import save_big, stock
from tests.conftest import browser_path
from tests.lending import lend_models

PARTS: Final = ("start", "pages", "runs", "heatmap", "cancel", "truth")
# Resolves in the first frame in which `ready()` holds; milliseconds since the last press of mouse or key.
WAIT: Final = """async ready => { const test = new Function('return ' + ready); let frames = 0;
while (!test()) { await new Promise(requestAnimationFrame); if (++frames > 20000) throw 'not ready: ' + ready; }
return performance.now() - window.glPressed; }"""
PRESSED: Final = """() => { for (const kind of ['mousedown', 'keydown', 'click']) document.addEventListener(
kind, () => { window.glPressed = performance.now(); }, true); }"""
IDLE: Final = "document.querySelector('[data-testid=stApp]').dataset.testScriptState === 'notRunning'"


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    goal: str
    times: tuple[float, ...]  # milliseconds
    note: str = ""

    def line(self) -> str:
        """As Markdown."""
        middle, worst = statistics.median(self.times), max(self.times)
        return f"| {self.what} | {self.goal} | **{middle:,.0f}** | {worst:,.0f} | {len(self.times)} | {self.note} |"


def title(text: str) -> str:
    """That a page's heading says so, in JavaScript."""
    return f"(document.querySelector('[data-testid=stMainBlockContainer] h1') || {{}}).textContent === '{text}'"


def opened(browser: Browser, url: str) -> Page:
    """A visitor on a desk."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(SLOW)
    page = context.new_page()
    page.goto(url)
    settled(page)
    page.evaluate(PRESSED)
    return page


def took(page: Page, act: Callable[[], object], ready: str) -> float:
    """Milliseconds from the press that `act` makes to `ready` and an idle script."""
    act()
    return float(page.evaluate(WAIT, f"{IDLE} && {ready}"))


def cold_start(browser: Browser, cache: Path, repeats: int) -> Row:
    """From starting the server to Home drawn; and whether its process has loaded torch by then."""
    times, torches = [], 0
    for _ in range(repeats):
        began = time.perf_counter()
        with running_app(cache) as url:
            page = browser.new_context().new_page()
            page.goto(url)
            page.get_by_role("heading", level=1, name="Golden Layers").wait_for(timeout=SLOW)
            times.append(1000 * (time.perf_counter() - began))
            settled(page)
            torches += any("libtorch" in mapped for mapped in _mapped_by_servers())
            page.context.close()
    return Row("cold start, server to Home drawn", "3,000", tuple(times), f"torch loaded in {torches} of {repeats}")


def _mapped_by_servers() -> list[str]:
    """Files that our servers have in memory."""
    ours = [child for child in psutil.Process().children(recursive=True) if "streamlit" in child.cmdline()]
    return [mapped.path for child in ours for mapped in child.memory_maps()]


def page_changes(page: Page, repeats: int) -> list[Row]:
    """From the click in the sidebar to the page drawn, of pages that were seen before."""
    rows = []
    for name in PAGES:
        times = []
        for turn in range(repeats + 1):
            visit(page, "Model" if name == "Home" else "Home")
            link = page.get_by_test_id("stSidebarNav").get_by_role("link", name=name, exact=True)
            elapsed = took(page, link.click, title("Golden Layers" if name == "Home" else name))
            times += [elapsed] if turn else []  # the first time is not warm
        rows.append(Row(f"to {name}, warm", "300", tuple(times)))
    return rows


def stored_runs(page: Page, cache: Path, repeats: int) -> list[Row]:
    """From pressing Open to the run's page drawn, for a run of every kind that no cache holds."""
    times: dict[str, list[float]] = {}
    for _ in range(repeats):
        runs: Mapping[str, str] = stock(cache)
        for kind, run_id in runs.items():
            visit(page, "Runs")
            name = {"score": "Layer scores", "edit": "Edit", "many-edits": "Edit"}.get(kind, "Ground truth")
            button = page.locator(f".st-key-open-runs-{run_id} button")
            times.setdefault(kind, []).append(took(page, button.click, title(name)))
    return [Row(f"a stored run opens: {kind}", "500", tuple(found)) for kind, found in times.items()]


def heatmap(page: Page, cache: Path, repeats: int) -> list[Row]:
    """5,000 requests by 80 layers: opened, hovered, and a cell clicked."""
    run_id = save_big(cache)
    drawn = "document.querySelector('.heatmaplayer image') !== null"
    cells = page.locator("[class*='st-key-figure-heatmap'] .plotly .nsewdrag").first
    openings, frames, clicks = [], [], []
    for turn in range(repeats):
        visit(page, "Runs")
        openings.append(took(page, page.locator(f".st-key-open-runs-{run_id} button").click, drawn))
        cells.scroll_into_view_if_needed()
        box = cells.bounding_box()
        assert box
        x, y = box["x"] + box["width"] * (0.1 + 0.08 * turn), box["y"] + 500 * (0.2 + 0.06 * turn)  # another row
        page.evaluate(
            """() => { window.glFrames = []; let last = performance.now();
            const tick = now => { window.glFrames.push(now - last); last = now; requestAnimationFrame(tick); };
            requestAnimationFrame(tick); }"""
        )
        page.mouse.move(x, y - 60)
        page.mouse.move(x + 40, y, steps=30)
        frames.append(float(page.evaluate("Math.max(...window.glFrames)")))
        before = page.locator(".st-key-scores-request input").input_value()
        changed = f"document.querySelector('.st-key-scores-request input').value !== {before!r}"
        clicks.append(took(page, lambda x=x, y=y: page.mouse.click(x, y), changed))  # type: ignore[misc]
    return [
        Row("5,000 x 80 heatmap: opened and drawn", "", tuple(openings), "the first reads it, the others do not"),
        Row("5,000 x 80 heatmap: longest frame while hovering", "", tuple(frames)),
        Row("5,000 x 80 heatmap: click to profile", "", tuple(clicks)),
    ]


def cancels(page: Page, repeats: int) -> list[Row]:
    """From pressing Cancel to the job stopped, some seconds into it."""
    visit(page, "Dataset")
    limit = page.locator("[class*='st-key-part-limit-'] input").first
    limit.fill("150")
    limit.press("Enter")
    settled(page)
    page.locator(".st-key-use-dataset button").click()
    settled(page)
    rows = []
    for name, slot, start in (("Layer scores", "score", "score"), ("Ground truth", "sweep", "truth-go")):
        visit(page, name)
        if slot == "sweep" and not page.locator(".st-key-truth-go").is_visible():
            page.get_by_text("Measure more", exact=True).click()
        if slot == "score":
            edit_aware(page)
        page.locator(f".st-key-{start} button").first.click()
        times = []
        for _ in range(repeats):
            cancel, resume = (
                page.locator(f".st-key-cancel-{slot} button"),
                page.locator(f".st-key-resume-{slot} button"),
            )
            cancel.wait_for(timeout=SLOW)
            page.wait_for_timeout(3000)
            times.append(took(page, cancel.click, f"document.querySelector('.st-key-resume-{slot} button') !== null"))
            resume.click()
        page.locator(f".st-key-cancel-{slot} button").click()
        page.locator(f".st-key-resume-{slot} button").wait_for(timeout=SLOW)
        rows.append(Row(f"cancel of a running {slot}", "2,000", tuple(times)))
    return rows


def load(page: Page) -> None:
    """The bundled model in memory."""
    visit(page, "Edit")
    button = page.locator(".st-key-edit-load button")
    if button.count():
        button.click()
    page.locator(".st-key-edit button").wait_for(timeout=SLOW)
    settled(page)


def measured(browser: Browser, cache: Path, parts: set[str], repeats: int) -> list[Row]:
    """Everything that needs the browser."""
    rows = [cold_start(browser, cache, repeats)] if "start" in parts else []
    if parts & {"pages", "runs", "heatmap", "cancel"}:
        stock(cache)
        with running_app(cache) as url:
            page = opened(browser, url)
            load(page)
            rows += page_changes(page, repeats) if "pages" in parts else []
            rows += stored_runs(page, cache, repeats) if "runs" in parts else []
            rows += heatmap(page, cache, min(repeats, 10)) if "heatmap" in parts else []
            rows += cancels(page, min(repeats, 5)) if "cancel" in parts else []
            page.context.close()
    return rows


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--only", default=",".join(PARTS), help="parts, with commas between")
    asked = parser.parse_args()
    parts, chromium = set(asked.only.split(",")), browser_path()
    if chromium is None:
        raise SystemExit("There is no Chromium here.")
    version = subprocess.run([chromium, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    print(f"{machine()}; {version}; load {psutil.getloadavg()[0]:.1f}\n")
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = launch(playwright, chromium)
        rows = measured(browser, lend_models(Path(folder)), parts, asked.repeats)
        browser.close()
    if rows:
        print("| what | goal, ms | median, ms | worst, ms | times | |\n|---|---|---|---|---|---|")
        print("\n".join(row.line() for row in rows) + "\n")
    if "truth" in parts:
        with TemporaryDirectory() as folder:
            print(truth(lend_models(Path(folder))))


if __name__ == "__main__":
    main()
