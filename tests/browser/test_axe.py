"""Everybody can use it: axe on every page, empty and in use, light and dark; headings, titles, narrow screens, keys."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import findings
from tests.browser.in_use import after_an_edit, opened
from tests.browser.running import PAGES, SLOW, main, running_app, settled, visit
from tests.browser.stocked import stock
from tests.browser.test_scores_and_edit import OURS
from tests.lending import lend_models

# WCAG 1.4.12: nothing may be lost when a reader spaces the text like this
SPACED: Final = "* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important; }"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of this file's own, with the model and no run."""
    return lend_models(tmp_path_factory.mktemp("axe-cache"))


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with running_app(folder) as url:
        yield url


@pytest.fixture(scope="module")
def empty_findings(browser: Browser, address: str) -> list[str]:
    """Of every page before anything was done; also taken before the store is filled."""
    page = opened(browser, address)
    found = []
    for name in PAGES:
        visit(page, name)
        found += findings(page, f"{name}, empty")
    page.context.close()
    return found


@pytest.fixture(scope="module")
def visitor(browser: Browser, address: str, folder: Path, empty_findings: list[str]) -> object:
    """The cookie of a browser that has loaded the model and made an edit, in a store with a run of every kind."""
    stock(folder, OURS.fingerprint)
    return after_an_edit(browser, address, "early")


def test_no_page_has_a_grave_finding_before_anything_was_done(empty_findings: list[str]) -> None:
    assert not empty_findings, "\n".join(empty_findings)


@pytest.mark.parametrize("look", ["light", "dark"])
def test_no_page_in_use_has_a_grave_finding(browser: Browser, address: str, visitor: object, look: str) -> None:
    page = opened(browser, address, dark=look == "dark", kept=visitor)
    rules = ("color-contrast",) if look == "dark" else ()  # a theme changes colours and nothing else
    found = []
    for name in PAGES:
        visit(page, name)
        page.wait_for_timeout(300)  # what fades in has done so
        found += findings(page, f"{name}, in use, {look}", rules)
    page.context.close()
    assert not found, "\n".join(found)


def test_tabs_name_pages_headings_nest_and_nothing_is_cut_at_320_px(
    browser: Browser, address: str, visitor: object
) -> None:
    page = opened(browser, address, width=320, kept=visitor)
    wrong = []
    for name in PAGES:
        visit(page, name)
        page.add_style_tag(content=SPACED)
        page.wait_for_timeout(300)
        levels = main(page).evaluate(
            "node => [...node.querySelectorAll('h1, h2, h3, h4, h5, h6')].map(heading => +heading.tagName[1])"
        )
        jumps = [(a, b) for a, b in pairwise(levels) if b > a + 1]
        if levels[0] != 1 or levels.count(1) != 1 or jumps:
            wrong.append(f"{name}: headings of the orders {levels}")
        if page.title() != f"{name} · Golden Layers":
            wrong.append(f"{name}: the tab says {page.title()!r}")
        if page.evaluate("document.documentElement.lang") != "en":
            wrong.append(f"{name}: no language")
        wide = main(page).evaluate("node => [node.scrollWidth, node.clientWidth]")
        if wide[0] > wide[1] + 1:
            wrong.append(f"{name}: {wide[0]} px wide where there are {wide[1]}")
    page.context.close()
    assert not wrong, "\n".join(wrong)


def focused(page: Page) -> str:
    """What tells the element with the keyboard's focus from others; "" for the page itself."""
    found: str = page.evaluate(
        """() => { const node = document.activeElement;
        if (!node || node === document.body) return '';
        const home = node.closest('[class*="st-key-"]');
        const named = home ? [...home.classList].find(name => name.startsWith('st-key-')) : '';
        const style = getComputedStyle(node);
        const ring = style.outlineStyle !== 'none' || style.boxShadow !== 'none' ? 'ring' : 'no ring';
        return [named, node.tagName, node.textContent.trim().slice(0, 30), ring].join(' | '); }"""
    )
    return found


def test_what_a_click_on_the_heatmap_does_the_keyboard_does_too(
    browser: Browser, address: str, visitor: object
) -> None:
    page = opened(browser, address, kept=visitor)
    visit(page, "Layer scores")
    reached = []
    for _ in range(120):
        page.keyboard.press("Tab")
        reached.append(focused(page))
        if "scores-request | INPUT" in reached[-1]:
            break
    assert "scores-request | INPUT" in reached[-1], reached
    page.keyboard.type("number 17 is")
    page.keyboard.press("Enter")
    expect(main(page).get_by_role("heading", name="The capital of country number 17")).to_be_visible(timeout=SLOW)
    settled(page)
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.append(focused(page))
        if "Edit this request" in reached[-1]:
            break
    assert "Edit this request" in reached[-1], reached[-12:]
    page.keyboard.press("Enter")
    expect(main(page).get_by_role("heading", level=1, name="Edit")).to_be_visible(timeout=SLOW)
    page.context.close()
    assert not [place for place in reached if place.endswith("no ring")]


def test_pages_keep_still_for_who_asks_for_it(browser: Browser, address: str, visitor: object) -> None:
    page = opened(browser, address, kept=visitor)
    page.emulate_media(reduced_motion="reduce")
    visit(page, "Layer scores")
    moving = page.evaluate(
        """() => [...document.querySelectorAll('*')].map(node => getComputedStyle(node)).filter(
        style => Math.max(parseFloat(style.transitionDuration), parseFloat(style.animationDuration)) > 0.01).length"""
    )
    assert moving == 0
    page.context.close()
