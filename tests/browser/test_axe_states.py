"""axe on what stands behind a choice or a switch: views, screens in small, parts that open; light and dark."""

from collections.abc import Callable, Iterator
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import findings
from tests.browser.in_use import InUse, opened
from tests.browser.running import SLOW, main, settled
from tests.browser.test_scores_and_edit import key

VIEWS: Final = ("travel", "lens", "sides", "covariance", "many", "take")
OPENED: Final = ("", "runs", "present")


def _edit(page: Page, in_use: InUse) -> Iterator[str]:
    for view in VIEWS:
        page.goto(f"{in_use.url}/edit?view={view}")
        yield f"Edit, {view}"


def _screens(page: Page, in_use: InUse) -> Iterator[str]:
    page.goto(f"{in_use.url}/present?run={in_use.runs['tour']}&step=1")
    expect(key(page, "present-bar")).to_be_visible(timeout=SLOW)
    yield "title slide"
    page.keyboard.press("a")
    expect(key(page, "present-thumbnails")).to_be_visible(timeout=SLOW)
    yield "all screens in small"


def _opened(page: Page, in_use: InUse) -> Iterator[str]:
    for name in OPENED:
        page.goto(f"{in_use.url}/{name}")
        settled(page)
        for box in main(page).locator("[data-testid='stExpander'] details:not([open]) summary").all():
            if box.is_visible():
                box.click()
                page.wait_for_timeout(200)
        yield f"{name or 'home'}, everything open"


STATES: Final[dict[str, Callable[[Page, InUse], Iterator[str]]]] = {
    "views of Edit": _edit,
    "screens": _screens,
    "opened": _opened,
}


@pytest.mark.parametrize("look", ["light", "dark"])
@pytest.mark.parametrize("which", tuple(STATES))
def test_nothing_behind_a_choice_has_a_grave_finding(browser: Browser, in_use: InUse, which: str, look: str) -> None:
    page = opened(browser, in_use.url, dark=look == "dark", kept=in_use.kept)
    rules = ("color-contrast",) if look == "dark" else ()  # a theme changes colours and nothing else
    found = []
    for where in STATES[which](page, in_use):
        settled_or_slide(page)
        found += findings(page, f"{where}, {look}", rules)
    page.context.close()
    assert not found, "\n".join(found)


def settled_or_slide(page: Page) -> None:
    """Wait until the page was drawn, and what fades in has done so; a slide has no heading of the page's kind."""
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for(timeout=SLOW)
    page.wait_for_timeout(500)
    expect(page.locator('[data-stale="true"]')).to_have_count(0, timeout=SLOW)
