"""Pictures of every page, empty and in use, on a desk and on a phone, light and dark.

    python tests/browser/screenshots.py [FOLDER] [PAGE ...]

Nothing is written into the repository unless FOLDER says so.
"""

import os
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.running import PAGES, SLOW, launch, main, running_app, settled, visit
from tests.conftest import browser_path
from tests.lending import lend_models

LOOKS = (
    ("desk-light", 1440, 900, "light"),
    ("desk-dark", 1440, 900, "dark"),
    ("phone-light", 390, 844, "light"),
    ("phone-dark", 390, 844, "dark"),
)


def shoot(page: Page, url: str, names: tuple[str, ...], folder: Path, tag: str) -> None:
    """A full-length picture of each page."""
    page.goto(url)
    settled(page)
    for name in names:
        visit(page, name)
        width = page.viewport_size["width"] if page.viewport_size else 0
        if width < 640:  # the sidebar lies over the page on a phone
            close = page.get_by_test_id("stSidebarCollapseButton").get_by_role("button")
            if close.is_visible():
                close.click()
        page.wait_for_timeout(1500)
        settled(page)
        tall = main(page).evaluate("node => Math.ceil(node.getBoundingClientRect().height)")
        height = page.viewport_size["height"] if page.viewport_size else 0
        page.set_viewport_size({"width": width, "height": max(height, min(tall + 120, 8000))})
        page.wait_for_timeout(1200)
        page.screenshot(path=folder / f"{name.lower().replace(' ', '-')}-{tag}.png", full_page=True)
        page.set_viewport_size({"width": width, "height": height})


def work(page: Page, url: str) -> None:
    """Go the three steps of Home."""
    page.goto(url)
    settled(page)
    page.locator(".st-key-do-load button").click()
    page.get_by_text("is loaded:").wait_for(timeout=SLOW)
    settled(page)
    page.locator(".st-key-do-score button").click()
    page.get_by_text("The golden layer is").wait_for(timeout=SLOW)
    settled(page)


def take(browser: Browser, url: str, folder: Path, names: tuple[str, ...]) -> None:
    """Every look, first of the empty app (desk, light only), then of the used one."""
    for used in (False, True):
        if used:
            work(browser.new_context().new_page(), url)
        for tag, width, height, scheme in LOOKS if used else LOOKS[:1]:
            context = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme="dark" if scheme == "dark" else "light",
            )
            context.set_default_timeout(SLOW)
            shoot(context.new_page(), url, names, folder, tag if used else "empty")
            context.close()


def run(folder: Path, names: tuple[str, ...]) -> None:
    """Start the app on an empty cache and take the pictures."""
    chromium = browser_path()
    if chromium is None:
        raise SystemExit("There is no Chromium here.")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        cache = lend_models(Path(name))
        os.environ["HF_ENDPOINT"] = "http://127.0.0.1:9"
        with running_app(cache) as url, sync_playwright() as playwright:
            browser = launch(playwright, chromium)
            take(browser, url, folder, names)
            browser.close()


if __name__ == "__main__":
    where, *wanted = sys.argv[1:] or ["docs/screenshots"]
    run(Path(where), tuple(name for name in PAGES if not wanted or name in wanted))
