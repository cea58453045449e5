"""Through the lessons and the presenter, as a learner and a presenter go: nothing here knows what they say."""

from collections.abc import Iterator
from typing import Final

from playwright.sync_api import Locator, Page

from tests.browser.running import SLOW, main, settled

WAIT_FOR_WORK: Final = 6 * SLOW
_STARTS: Final = "[class*='st-key-lesson-load'] button, [class*='st-key-lesson-'][class*='-start'] button, "
STARTS: Final = (
    f"{_STARTS}[class*='st-key-lesson-start-'] button, .st-key-lesson-score button, .st-key-lesson-know-ask button, "
    ".st-key-classroom-go button"
)


def titles(page: Page) -> list[str]:
    """Of every view of Learn, as the chooser lists them."""
    _chooser(page).click()
    page.get_by_role("option").first.wait_for(timeout=SLOW)
    found: list[str] = page.get_by_role("option").all_inner_texts()
    page.keyboard.press("Escape")
    return found


def choose(page: Page, title: str) -> None:
    """Another view of Learn."""
    settled(page)
    option = page.get_by_role("option", name=title, exact=True)
    for _ in range(3):  # a click in the instant of a rerun opens nothing
        _chooser(page).click()
        page.wait_for_timeout(500)
        if option.is_visible():
            break
    option.click()
    settled(page)


def _chooser(page: Page) -> Locator:
    return page.locator(".st-key-learn-choice").get_by_role("combobox")


def study(page: Page) -> None:
    """The view of Learn to its end: what starts something is pressed, every question answered by its first option."""
    while _answer(page) or _start(page):
        pass


def _answer(page: Page) -> bool:
    """Guess at the first open question; whether there was one."""
    boxes = page.locator("[class*='st-key-lesson-question-']").filter(has=page.get_by_role("radiogroup"))
    if not boxes.count():
        return False
    boxes.first.locator("label:has(input[type=radio])").first.click()
    settled(page)
    boxes.first.get_by_role("button", name="Reveal").first.click()
    settled(page)
    return True


def _start(page: Page) -> bool:
    """Press the first button that computes something and wait until that is done; whether there was one."""
    able = [found for found in main(page).locator(STARTS).all() if found.is_visible() and found.is_enabled()]
    if not able:
        return False
    button = able[0]
    before = main(page).inner_text()
    button.click()
    settled(page)
    page.locator("[class*='st-key-cancel-']").first.wait_for(state="detached", timeout=WAIT_FOR_WORK)
    settled(page)
    return main(page).inner_text() != before


def screens(page: Page) -> Iterator[int]:
    """The screens of the presenter, from the first on, by the keyboard."""
    number = 1
    while True:
        page.locator(".st-key-present-bar").get_by_text(f"{number} of ", exact=False).wait_for(timeout=SLOW)
        settled(page)
        yield number
        if page.locator(".st-key-present-next button").is_disabled():
            return
        page.keyboard.press("ArrowRight")
        number += 1
