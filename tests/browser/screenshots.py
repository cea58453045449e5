"""Pictures of every page: empty, working, done, cancelled, failed; on a desk and on a phone, light and dark.

    python tests/browser/screenshots.py [FOLDER] [STATE or LOOK ...]

A picture is named PAGE[-VIEW]-STATE-LOOK.png, so that they sort by page. Nothing is written into the repository unless
FOLDER says so. Everything in the pictures is computed by the app they show.
"""

import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser import states, walking
from tests.browser.running import PAGES, SLOW, launch, main, running_app, settled, visit
from tests.conftest import browser_path
from tests.lending import lend_models

LOOKS: Final = (
    ("desk-light", 1440, 900, "light"),
    ("desk-dark", 1440, 900, "dark"),
    ("phone-light", 390, 844, "light"),
    ("phone-dark", 390, 844, "dark"),
    ("projector-light", 1280, 720, "light"),
    ("wall-light", 1920, 1080, "light"),
)


@dataclass(frozen=True)
class Camera:
    """One look at the app, by one browser."""

    page: Page
    look: str
    state: str
    folder: Path

    def at(self, name: str) -> None:
        """Go to a page, its sidebar out of the way."""
        visit(self.page, name)
        close = self.page.get_by_test_id("stSidebarCollapseButton").get_by_role("button")
        if self.look.startswith("phone") and close.is_visible():
            close.click()

    def take(self, name: str) -> None:
        """A full-length picture of what is on show."""
        page = self.page
        page.wait_for_timeout(700)
        tall = main(page).evaluate("node => Math.ceil(node.getBoundingClientRect().height)")
        width, height = (page.viewport_size[side] if page.viewport_size else 0 for side in ("width", "height"))
        page.set_viewport_size({"width": width, "height": max(height, min(tall + 120, 8000))})
        self.see(name)
        page.set_viewport_size({"width": width, "height": height})

    def see(self, name: str) -> None:
        """A picture of what this screen shows without scrolling."""
        self.page.wait_for_timeout(700)
        slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
        self.page.screenshot(path=self.folder / f"{slug}-{self.state}-{self.look}.png")

    def pages(self, names: tuple[str, ...]) -> None:
        """Every page as it stands."""
        for name in names:
            self.at(name)
            self.take(name)


@contextmanager
def cameras(
    browser: Browser, url: str, state: str, folder: Path, wanted: tuple[str, ...], kept: Any = None
) -> Iterator[tuple[Camera, ...]]:
    """One browser per look that is wanted; `kept` is the cookie by which the app knows a visitor again."""
    contexts, made = [], []
    some = [look for look in LOOKS if look[0] in wanted]
    for look, width, height, scheme in some or LOOKS:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if scheme == "dark" else "light",
            storage_state=kept,
        )
        context.set_default_timeout(SLOW)
        contexts.append(context)
        page = context.new_page()
        page.goto(url)
        settled(page)
        made.append(Camera(page, look, state, folder))
    yield tuple(made)
    for context in contexts:
        context.close()


def views(camera: Camera, name: str, key: str) -> None:
    """Every view of a page whose views are chosen in a row."""
    radios = camera.page.locator(f".st-key-{key}").get_by_role("radio")
    for title in radios.all_inner_texts():
        camera.page.locator(f".st-key-{key}").get_by_role("radio", name=title, exact=True).click()
        camera.page.wait_for_timeout(400)
        settled(camera.page)
        if title == "Side by side":
            states.ask_side_by_side(camera.page)
        camera.take(f"{name} {title}")


def lessons(camera: Camera, studied: bool) -> None:
    """Every view of Learn: as it stands for this visitor, or with everything answered and computed."""
    camera.at("Learn")
    for title in walking.titles(camera.page):
        walking.choose(camera.page, title)
        if studied:
            walking.study(camera.page)
        camera.take(f"Learn {title}")


def screens(camera: Camera) -> None:
    """The list of what can be presented, and every screen of the newest run of each kind."""
    camera.at("Present")
    camera.take("Present")
    for kind in ("tour", "edit", "score", "sweep"):
        link = main(camera.page).locator(f"[class*='st-key-present-run-{kind}-'] a").first
        if not link.count():
            continue
        link.dispatch_event("click")  # the edits of a session are folded together
        for number in walking.screens(camera.page):
            camera.see(f"Present {kind} {number:02}")
        camera.page.keyboard.press("Escape")
        settled(camera.page)
        camera.at("Present")


def done(camera: Camera) -> None:
    """Every page and every view, in use."""
    for name in PAGES:
        camera.at(name)
        if name == "Edit":
            views(camera, name, "edit-view")
        elif name == "Ground truth":
            views(camera, name, "truth-view")
        elif name == "Learn":
            lessons(camera, studied=True)
        elif name == "Present":
            screens(camera)
        else:
            camera.take(name)


def take(browser: Browser, start: Callable[[], Any], cache: Path, folder: Path, wanted: tuple[str, ...]) -> None:
    """The states one after another, as a visitor would come to them."""
    visitor = states.Visitor(browser)
    with start() as url:
        if "empty" in wanted:
            with cameras(browser, url, "empty", folder, wanted) as looks:
                for camera in looks:
                    camera.pages(PAGES)
                    lessons(camera, studied=False)
        visitor.arrive(url)
        if {"done", "failed"} & set(wanted):
            visitor.work(cache)
        if "done" in wanted:
            with cameras(browser, url, "done", folder, wanted, visitor.kept()) as looks:
                for camera in looks:
                    done(camera)
        for state, names, act in visitor.busy_states():
            if state in wanted:
                act()
                with cameras(browser, url, state, folder, wanted, visitor.kept()) as looks:
                    for camera in looks:
                        camera.pages(names)
        if "failed" in wanted:
            visitor.break_things(cache)
            with cameras(browser, url, "failed", folder, wanted, visitor.kept()) as looks:
                for camera in looks:
                    camera.at("Dataset")
                    states.upload_nonsense(camera.page)
                    camera.take("Dataset")
                    camera.pages(("Model", "Ground truth", "Runs"))
            visitor.start_what_will_be_killed()
    if "failed" in wanted:  # the server is gone in the middle of its work; this is the next one
        with start() as url, cameras(browser, url, "interrupted", folder, wanted, visitor.kept()) as looks:
            for camera in looks:
                camera.pages(("Layer scores", "Runs"))


def run(folder: Path, wanted: tuple[str, ...]) -> None:
    """Start the app on an empty cache and take the pictures."""
    chromium = browser_path()
    if chromium is None:
        raise SystemExit("There is no Chromium here.")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        cache = lend_models(Path(name))
        os.environ["HF_ENDPOINT"] = "http://127.0.0.1:9"  # no hub: a model that is not here fails at once
        with sync_playwright() as playwright:
            browser = launch(playwright, chromium)
            take(browser, lambda: running_app(cache), cache, folder, wanted)
            browser.close()


if __name__ == "__main__":
    where, *asked = sys.argv[1:] or ["docs/screenshots"]
    known = ("empty", "done", "working", "cancelled", "failed")
    run(Path(where), tuple(asked) if set(asked) & set(known) else (*known, *asked))
