"""axe on what stands behind a choice or a switch: views, screens in small, parts that open; light and dark."""

from collections.abc import Iterator
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import findings
from tests.browser.in_use import InUse
from tests.browser.running import SLOW, main, settled
from tests.browser.test_axe import opened
from tests.browser.test_scores_and_edit import PATIENT, key

VIEWS: Final = {
    "edit": ("travel", "lens", "sides", "covariance", "many", "take"),
    "ground_truth": ("requests", "metrics", "best", "agreement", "search", "trace", "carried"),
}
OPENED: Final = ("", "layer_scores", "ground_truth", "model", "runs", "present")


def _views(page: Page, url: str) -> Iterator[str]:
    for name, views in VIEWS.items():
        for view in views:
            page.goto(f"{url}/{name}?view={view}")
            yield f"{name}, {view}"


def _own_layers(page: Page, url: str) -> Iterator[str]:
    page.goto(f"{url}/edit?view=layers")
    settled(page)
    start = key(page, "own-layers-start").get_by_role("button")
    expect(start.or_(key(page, "own-layers-edit")).first).to_be_visible(timeout=SLOW)
    if start.count():
        start.click()
    expect(key(page, "own-layers-edit")).to_be_visible(timeout=PATIENT)
    yield "own fact at every layer"


def _screens(page: Page, url: str, run: str) -> Iterator[str]:
    page.goto(f"{url}/present?run={run}&step=1")
    expect(key(page, "present-bar")).to_be_visible(timeout=SLOW)
    yield "title slide"
    page.keyboard.press("a")
    expect(key(page, "present-thumbnails")).to_be_visible(timeout=SLOW)
    yield "all screens in small"


def _opened(page: Page, url: str) -> Iterator[str]:
    for name in OPENED:
        page.goto(f"{url}/{name}")
        settled(page)
        for box in main(page).locator("[data-testid='stExpander'] details:not([open]) summary").all():
            if box.is_visible():
                box.click()
                page.wait_for_timeout(200)
        yield f"{name or 'home'}, everything open"


@pytest.mark.parametrize("look", ["light", "dark"])
def test_nothing_behind_a_choice_has_a_grave_finding(browser: Browser, in_use: InUse, look: str) -> None:
    page = opened(browser, in_use.url, dark=look == "dark", kept=in_use.kept)
    rules = ("color-contrast",) if look == "dark" else ()  # a theme changes colours and nothing else
    found, url = [], in_use.url
    for states in (
        _views(page, url),
        _own_layers(page, url),
        _screens(page, url, in_use.runs["tour"]),
        _opened(page, url),
    ):
        for where in states:
            settled_or_slide(page)
            found += findings(page, f"{where}, {look}", rules)
    page.context.close()
    assert not found, "\n".join(found)


def settled_or_slide(page: Page) -> None:
    """Wait until the page was drawn, and what fades in has done so; a slide has no heading of the page's kind."""
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for(timeout=SLOW)
    page.wait_for_timeout(500)
    expect(page.locator('[data-stale="true"]')).to_have_count(0, timeout=SLOW)
