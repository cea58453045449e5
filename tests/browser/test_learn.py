"""Lessons 1 to 3 in a real browser, one learner: guess, reveal, compute, go on; a reload and a look-up lose nothing."""

import re
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.browser.running import SLOW, main, settled

PATIENT = 3 * SLOW  # milliseconds; a trace or an edit on a busy machine


def key(page: Page, name: str) -> Locator:
    """A widget or container by its key."""
    return page.locator(f".st-key-{name}")


def press(page: Page, name: str) -> None:
    settled(page)
    key(page, name).get_by_role("button").click()


def load(page: Page, otherwise: Locator) -> None:
    """Load the model by the lesson's button; a test before this one may have done so, and then there is `otherwise`."""
    button = key(page, "lesson-load").get_by_role("button")
    expect(button.or_(otherwise).first).to_be_visible(timeout=SLOW)
    settled(page)
    if button.count():
        button.click()
    expect(otherwise.first).to_be_visible(timeout=PATIENT)


def guess(page: Page, lesson: str, question: str) -> Locator:
    """Choose the first option of a question and reveal it; its box."""
    box = key(page, f"lesson-question-{lesson}-{question}")
    reveal = box.get_by_role("button", name="Reveal")
    reveal.wait_for(timeout=PATIENT)
    settled(page)
    expect(reveal).to_be_disabled()
    box.locator("label[data-baseweb='radio'], [role='radiogroup'] label").first.click()
    expect(reveal).to_be_enabled(timeout=SLOW)
    settled(page)
    reveal.click()
    expect(box.get_by_text("You said:")).to_be_visible(timeout=SLOW)
    settled(page)
    return box


def figure(page: Page, name: str) -> Locator:
    return key(page, f"figure-{name}").locator(".main-svg").first


def test_three_lessons(page: Page, app_url: str, tmp_path: Path) -> None:
    page.goto(f"{app_url}/learn?view=know")
    load(page, key(page, "lesson-question-know-likeliest"))
    box = guess(page, "know", "likeliest")
    expect(box).to_contain_text(re.compile("Right|Computed: "))
    expect(figure(page, "lesson-know-first")).to_be_visible(timeout=SLOW)
    guess(page, "know", "wording")
    expect(figure(page, "lesson-know-wordings")).to_be_visible(timeout=SLOW)

    page.reload()  # a new session; the desk keeps guesses and the place
    expect(key(page, "lesson-question-know-wording").get_by_text("You said:")).to_be_visible(timeout=SLOW)

    with page.context.expect_page() as opened:  # a word leads to its meaning in a tab of its own
        main(page).get_by_role("link", name="token").first.click()
    word = opened.value
    settled(word)
    expect(main(word)).to_contain_text("The piece of text that a model reads and writes in one step")
    expect(key(word, "lesson-question-know-wording")).to_have_count(0)
    main(word).get_by_role("link", name=re.compile(r"^All \d+ terms")).click()  # from a page to itself
    expect(word).to_have_url(f"{app_url}/learn?view=glossary", timeout=SLOW)
    key(word, "glossary-search").locator("input").fill("perplexity")
    key(word, "glossary-search").locator("input").press("Enter")
    expect(main(word)).to_contain_text("1 term of", timeout=SLOW)
    word.close()

    press(page, "lesson-next")
    press(page, "lesson-recall-start")
    guess(page, "recall", "token")
    guess(page, "recall", "layer")
    expect(figure(page, "lesson-recall-trace")).to_be_visible(timeout=SLOW)
    guess(page, "recall", "readable")
    expect(figure(page, "lesson-recall-depth")).to_be_visible(timeout=SLOW)

    press(page, "lesson-next")
    press(page, "lesson-rank-one-start")
    for question in ("size", "alike", "leak"):
        guess(page, "rank-one", question)
    expect(figure(page, "lesson-rank-one-plane")).to_be_visible(timeout=SLOW)

    page.goto(f"{app_url}/learn?view=teacher")
    settled(page)
    with page.expect_download() as given:
        key(page, "sheet-answers").get_by_role("button").click()
    sheet = tmp_path / "answers.html"
    given.value.save_as(sheet)
    text = sheet.read_text(encoding="utf-8")
    assert text.count("(right)") >= 8
    assert "Lesson 3. A fact as key and value" in text
