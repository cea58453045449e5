"""The app as somebody uses it: a store with a run of every kind, the model in memory, an edit made."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, expect

from goldenlayers_core.runtime import Store
from tests.browser.running import running_app, settled, visit
from tests.browser.stocked import save_big, stock
from tests.browser.stocked_tour import save_made_tour
from tests.browser.test_axe import opened
from tests.browser.test_scores_and_edit import OURS, PATIENT, key, press, settings
from tests.lending import lend_models


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
        page = opened(browser, url)
        visit(page, "Edit")
        press(page, "edit-load")
        expect(key(page, "edit")).to_be_visible(timeout=PATIENT)
        settled(page)
        settings(page)
        press(page, "edit")
        expect(key(page, "edit-verdict")).to_be_visible(timeout=PATIENT)
        settled(page)
        kept = page.context.storage_state()
        page.context.close()
        yield InUse(url, kept, runs)
