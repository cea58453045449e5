"""On a phone: no page is long before something is opened, what is folded away opens, by hand and by an address."""

import re
from collections.abc import Callable
from typing import Final

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.in_use import InUse
from tests.browser.running import LONGEST, PAGES, length, main, settled
from tests.browser.test_scores_and_edit import PATIENT, key, press
from tests.browser.walking import study

SIZE: Final = {"width": 390, "height": 844}
EDIT_VIEWS: Final = ("did", "travel", "lens", "layers", "covariance", "many", "take", "sides", "panel")
LESSONS: Final = ("know", "recall", "rank-one", "layer", "golden", "lga")

# Per chart: how many lines of grey text stand directly above it.
GREY: Final = """() => [...document.querySelectorAll('[data-testid="stPlotlyChart"]')].map((chart) => {
  let at = chart.closest('[data-testid="stElementContainer"]'), lines = 0;
  if (!at || !at.offsetHeight) return 0;
  for (at = at.previousElementSibling; at; at = at.previousElementSibling) {
    const grey = at.querySelector('[data-testid="stCaptionContainer"] p');
    if (!grey) break;
    lines += Math.round(grey.getBoundingClientRect().height / parseFloat(getComputedStyle(grey).lineHeight));
  }
  return lines;
})"""


@pytest.fixture
def phone(new_context: Callable[..., BrowserContext], in_use: InUse) -> Page:
    """The same browser on a phone."""
    return new_context(viewport=SIZE, storage_state=in_use.kept).new_page()


def go(page: Page, address: str) -> None:
    """Open an address, and wait until its charts have taken their height."""
    page.goto(address)
    settled(page)
    page.wait_for_timeout(600)
    settled(page)


def switches(page: Page) -> list[str]:
    """The names of the parts that are folded away."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll('[class*="st-key-unfold-"]')].filter(node => node.offsetHeight).map(
        node => node.className.match(/st-key-unfold-(\\S+)/)[1])"""
    )
    return found


def test_no_page_is_long_before_something_is_opened(phone: Page, in_use: InUse) -> None:
    url = in_use.url
    addresses = {name: "" if name == "Home" else name.lower().replace(" ", "_") for name in PAGES}
    addresses |= {f"Edit, {view}": f"edit?view={view}" for view in EDIT_VIEWS}
    addresses |= {
        "A cell": f"layer_scores?run={in_use.runs['score']}&layer=3",
        "A pair": f"runs?a={in_use.runs['score']}",
    }
    lengths, greys = {}, {}
    for name, address in addresses.items():
        go(phone, f"{url}/{address}")
        lengths[name] = length(phone)
        greys[name] = max(phone.evaluate(GREY), default=0)
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}, lengths
    assert {name: lines for name, lines in greys.items() if lines > 2} == {}, greys


def test_home_is_not_long_with_a_first_minute_on_show(phone: Page, in_use: InUse) -> None:
    go(phone, f"{in_use.url}/runs?view=tour")
    press(phone, f"open-runs-{in_use.runs['tour']}")
    expect(key(phone, "tour-ways")).to_be_visible(timeout=PATIENT)
    settled(phone)
    assert length(phone) <= LONGEST
    for part in ("home-layers", "home-steps", "home-results"):
        assert not key(phone, f"folded-{part}").is_visible(), part
    key(phone, "unfold-home-steps").locator("label").click()
    expect(key(phone, "step-edit")).to_be_visible()


def test_no_lesson_is_long_once_it_is_answered(phone: Page, in_use: InUse) -> None:
    lengths = {}
    for name in LESSONS:
        go(phone, f"{in_use.url}/learn?view={name}")
        study(phone)
        expect(phone.locator("[class*='st-key-cancel-']")).to_have_count(0, timeout=PATIENT)  # it counted what is known
        study(phone)
        go(phone, f"{in_use.url}/learn?view={name}")
        lengths[name] = length(phone)
        expect(main(phone).get_by_text(re.compile("Done · ")).first).to_be_attached()
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}, lengths


def test_what_is_read_up_on_is_not_long(phone: Page, in_use: InUse) -> None:
    for view in ("glossary", "teacher"):
        go(phone, f"{in_use.url}/learn?view={view}")
        assert length(phone) <= LONGEST, view


@pytest.mark.parametrize("name", ["layer_scores", "ground_truth", "edit", "runs", "learn?view=rank-one"])
def test_what_a_phone_folds_away_opens_with_its_charts_as_wide_as_the_page(
    phone: Page, in_use: InUse, name: str
) -> None:
    go(phone, f"{in_use.url}/{name}")
    if name.startswith("learn"):
        study(phone)
        expect(phone.locator("[class*='st-key-cancel-']")).to_have_count(0, timeout=PATIENT)
        study(phone)
    closed = switches(phone)
    assert closed
    for part in closed:
        assert not key(phone, f"folded-{part}").is_visible(), part
        key(phone, f"unfold-{part}").locator("label").click()
        expect(key(phone, f"folded-{part}")).to_be_visible()
        settled(phone)
        for chart in key(phone, f"folded-{part}").locator(".js-plotly-plot:visible").all():
            expect(chart.locator(".main-svg").first).to_be_visible()
            box = chart.locator(".main-svg").first.bounding_box()
            assert box
            assert 300 < box["width"] <= 390, (part, box)
    phone.set_viewport_size({"width": 1280, "height": 800})
    assert not switches(phone)
    assert all(key(phone, f"folded-{part}").is_visible() for part in closed)


def test_an_address_opens_the_part_it_points_into(phone: Page, in_use: InUse) -> None:
    url, runs = in_use.url, in_use.runs
    for address, part in (
        (f"ground_truth?run={runs['sweep']}&view=metrics", "truth-closer"),
        (f"layer_scores?run={runs['score']}&layer=3", "scores-request"),
        (f"runs?a={runs['score']}", "runs-compare"),
        ("edit?prompt=The%20capital%20of%20France%20is&subject=France&new=Rome", "edit-inputs"),
    ):
        go(phone, f"{url}/{address}")
        expect(key(phone, f"folded-{part}")).to_be_visible()


def test_a_new_edit_closes_what_it_was_chosen_in(phone: Page, in_use: InUse) -> None:
    go(phone, f"{in_use.url}/edit")
    key(phone, "unfold-edit-inputs").locator("label").click()
    key(phone, "edit-layer-middle").get_by_role("button").click()
    settled(phone)
    press(phone, "edit")
    expect(key(phone, "folded-edit-inputs")).to_be_hidden(timeout=PATIENT)
    expect(key(phone, "edit-verdict")).to_be_visible(timeout=PATIENT)
