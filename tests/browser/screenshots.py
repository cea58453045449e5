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
        if name == "Edit" and tag != "empty":
            shoot_bench(page, folder, tag)
        else:
            picture(page, name, folder, tag)


def picture(page: Page, name: str, folder: Path, tag: str) -> None:
    """A full-length picture of what is on show."""
    page.wait_for_timeout(1500)
    settled(page)
    tall = main(page).evaluate("node => Math.ceil(node.getBoundingClientRect().height)")
    width, height = (page.viewport_size[side] if page.viewport_size else 0 for side in ("width", "height"))
    page.set_viewport_size({"width": width, "height": max(height, min(tall + 120, 8000))})
    page.wait_for_timeout(1200)
    page.screenshot(path=folder / f"{name.lower().replace(' ', '-')}-{tag}.png", full_page=True)
    page.set_viewport_size({"width": width, "height": height})


def shoot_bench(page: Page, folder: Path, tag: str) -> None:
    """Every view of Edit, of the two edits that `work` has made."""
    titles = page.locator(".st-key-edit-view").get_by_role("radio").all_inner_texts()
    for title in titles:
        page.locator(".st-key-edit-view").get_by_role("radio", name=title, exact=True).click()
        page.wait_for_timeout(500)
        settled(page)
        if title == "Side by side":
            box = page.locator(".st-key-edit-prompts textarea")
            box.fill("The Eiffel Tower is located in the city of\nThe capital of France is")
            page.locator(".st-key-sides-ask button").click()
            page.locator(".gl-sides").wait_for(timeout=SLOW)
        picture(page, f"Edit {title}", folder, tag)


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
    stack(page)


def stack(page: Page) -> None:
    """Two edits in stack A, the first of them off, both in B, and the blast radius of what is on."""
    visit(page, "Edit")
    rows = page.locator("[class*='st-key-stack-row-']")
    for place in range(2):
        if place:
            main(page).get_by_text("Write your own", exact=True).click()
            settled(page)
            page.locator(".st-key-edit-example button").click()
            settled(page)
        page.locator(".st-key-edit-layer-early button").first.click()
        settled(page)
        page.locator(".st-key-edit button").click()
        rows.nth(place).wait_for(timeout=SLOW)
        settled(page)
    page.locator(".st-key-stack-copy button").click()
    settled(page)
    rows.first.locator("[class*='st-key-stack-on-'] label").click()
    page.get_by_text("Stack A · 1 on").wait_for(timeout=SLOW)
    settled(page)
    page.locator(".st-key-edit-view").get_by_role("radio", name="Blast radius", exact=True).click()
    page.locator(".st-key-panel button").click()
    page.locator(".st-key-panel-guard").wait_for(timeout=SLOW)
    settled(page)


def take(browser: Browser, url: str, folder: Path, names: tuple[str, ...]) -> None:
    """Every look, first of the empty app (desk, light only), then of the used one."""
    kept = None  # the cookie by which a browser finds its choices again
    for used in (False, True):
        if used:
            first = browser.new_context()
            first.set_default_timeout(SLOW)
            work(first.new_page(), url)
            kept = first.storage_state()
            first.close()
        for tag, width, height, scheme in LOOKS if used else LOOKS[:1]:
            context = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme="dark" if scheme == "dark" else "light",
                storage_state=kept,
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
