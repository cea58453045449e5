"""The app as somebody uses it: a store with a run of every kind, the model in memory, an edit made."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from goldenlayers_core.runtime import Store
from tests.browser.running import SLOW, running_app, settled, visit
from tests.browser.stocked import save_big, stock
from tests.browser.stocked_tour import save_made_tour
from tests.browser.test_scores_and_edit import OURS, PATIENT, key, press, settings
from tests.lending import lend_models


def opened(browser: Browser, url: str, width: int = 1440, dark: bool = False, kept: object = None) -> Page:
    """A new visitor's page; `kept` makes it another visit of the same browser."""
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if dark else "light",
        storage_state=kept,  # type: ignore[arg-type]
    )
    context.set_default_timeout(SLOW)
    page = context.new_page()
    page.goto(url)
    settled(page)
    return page


def after_an_edit(browser: Browser, url: str, layer: str = "") -> object:
    """The cookie of a browser that has loaded the model and made an edit, at one of the layers that buttons name."""
    page = opened(browser, url)
    visit(page, "Edit")
    press(page, "edit-load")
    expect(key(page, "edit")).to_be_visible(timeout=PATIENT)
    settled(page)
    settings(page)
    if layer:
        press(page, f"edit-layer-{layer}")
        settled(page)
    press(page, "edit")
    expect(key(page, "edit-verdict")).to_be_visible(timeout=PATIENT)
    settled(page)
    kept = page.context.storage_state()
    page.context.close()
    return kept


@dataclass(frozen=True)
class InUse:
    """A running app, and a browser that has made an edit in it."""

    url: str
    kept: object  # the browser's cookie
    runs: Mapping[str, str]  # the run of each kind


@contextmanager
def app_in_use(browser: Browser, folder: Path) -> Iterator[InUse]:
    """Start the app on `folder`, fill its store, and make an edit."""
    cache = lend_models(folder)
    save_big(cache, 8, 30)  # a second score run, to compare with
    runs = dict(stock(cache, OURS.fingerprint))
    runs["tour"] = save_made_tour(Store(cache), runs["score"])
    with running_app(cache) as url:
        yield InUse(url, after_an_edit(browser, url), runs)
