"""axe on what stands behind a choice or a switch: views, screens in small, parts that open; light and dark."""

import re
from collections.abc import Callable, Iterator
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import findings
from tests.browser.in_use import InUse, opened
from tests.browser.running import SLOW, main, settled
from tests.browser.test_learn import guess, load
from tests.browser.test_scores_and_edit import PATIENT, key, press

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


def _every_layer(page: Page, in_use: InUse) -> Iterator[str]:
    """A few layers of all, measured once: the picture, and the way to the others, stand there from the first on."""
    page.goto(f"{in_use.url}/edit?view=layers")
    settled(page)
    start, found = key(page, "own-layers-start").get_by_role("button"), key(page, "own-layers-at")
    expect(start.or_(found).first).to_be_visible(timeout=SLOW)
    if not found.is_visible():
        start.click()
        expect(main(page).get_by_text(re.compile(r"\b([3-9]|[12]\d) of 30\b"))).to_be_visible(timeout=PATIENT)
        key(page, "cancel-fact-layers").get_by_role("button").click()
        expect(key(page, "resume-fact-layers")).to_be_visible(timeout=SLOW)
    expect(found).to_be_visible(timeout=SLOW)
    yield "one's own fact at some layers"


def _class(page: Page, in_use: InUse) -> Iterator[str]:
    """The teacher's browser is its own learner, so that one page sees all there is."""
    page.goto(f"{in_use.url}/learn?view=teacher")
    press(page, "class-open")
    link = page.get_by_text(re.compile(r"/learn\?view=class&class=\w{6}")).first
    address = link.text_content(timeout=SLOW)
    yield "an open class"
    page.goto(f"{in_use.url}/learn?view=know")
    load(page, key(page, "lesson-question-know-likeliest"))
    expect(key(page, "class-room-likeliest")).to_contain_text("No guess yet", timeout=SLOW)
    page.goto(str(address))
    page.locator("[role='radiogroup'] label").first.click(timeout=SLOW)
    expect(page.get_by_text("Your guess is in.").first).to_be_visible(timeout=SLOW)
    yield "a guess in a class"
    page.goto(f"{in_use.url}/learn?view=know")
    guess(page, "know", "likeliest")
    expect(key(page, "class-room-likeliest").locator(".main-svg").first).to_be_visible(timeout=SLOW)
    yield "the class's histogram"
    page.goto(str(address))
    expect(main(page).locator(".main-svg").first).to_be_visible(timeout=SLOW)
    yield "a class that was told"
    page.goto(f"{in_use.url}/learn?view=know")
    main(page).get_by_role("button", name="Ask me again").first.click(timeout=SLOW)
    page.goto(f"{in_use.url}/learn?view=teacher")
    press(page, "class-end")
    settled(page)


STATES: Final[dict[str, Callable[[Page, InUse], Iterator[str]]]] = {
    "views of Edit": _edit,
    "screens": _screens,
    "opened": _opened,
    "every layer": _every_layer,
    "class": _class,
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
