"""Every kind of slide at the size of a laptop, a hall and a phone: nothing overlaps or is cut, the plot is seen."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from goldenlayers_core.runtime import Store
from tests.browser import walking
from tests.browser.running import running_app
from tests.browser.stocked import stock
from tests.browser.stocked_tour import save_made_tour

SIZES: Final = ((1280, 720), (1920, 1080), (390, 844))
LEAST_PLOT: Final = {1280: 200, 1920: 300, 390: 180}  # px of a plot's height between its axes
LEAST_STRIP: Final = 90  # of the layer stack, its flags included
LEAST_TYPE: Final = {1280: 20, 1920: 26, 390: 11}  # px of the smallest letter in a picture

LOOK: Final = """() => {
  const found = [], say = (text) => found.push(text);
  const stage = document.querySelector('.st-key-present-stage');
  const boxes = [];
  const keep = (node, box, words) => {
    if (box.width > 0 && box.height > 0 && words.trim()) boxes.push({node, box, words: words.trim().slice(0, 40)});
  };
  const walker = document.createTreeWalker(stage, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, parent = node.parentElement;
    if (parent.closest('svg, style, script') || getComputedStyle(parent).visibility === 'hidden') continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) keep(node, box, node.data);
  }
  const plot = [...stage.querySelectorAll('.js-plotly-plot')].find((one) => one.offsetWidth > 0);
  let size = null;
  if (plot) {
    const frame = plot.querySelector('.main-svg').getBoundingClientRect();
    const scale = frame.width / plot.offsetWidth;
    size = {plot: plot._fullLayout._size.h * scale, letters: 1e9};
    for (const text of plot.querySelectorAll('svg text')) {
      if (!text.textContent.trim() || getComputedStyle(text).visibility === 'hidden') continue;
      const box = text.getBoundingClientRect();
      keep(text, box, text.textContent);
      size.letters = Math.min(size.letters, parseFloat(getComputedStyle(text).fontSize) * scale);
      if (box.left < frame.left - 2 || box.right > frame.right + 2 || box.top < frame.top - 2
          || box.bottom > frame.bottom + 2) say(`cut at the picture's edge: ${text.textContent.trim()}`);
    }
  }
  boxes.forEach((one, i) => boxes.slice(i + 1).forEach((other) => {
    if (one.node === other.node) return;
    const wide = Math.min(one.box.right, other.box.right) - Math.max(one.box.left, other.box.left);
    const high = Math.min(one.box.bottom, other.box.bottom) - Math.max(one.box.top, other.box.top);
    if (wide > 2 && high > 0.2 * Math.min(one.box.height, other.box.height))
      say(`overlap: ${one.words} | ${other.words}`);
  }));
  for (const one of boxes)
    if (one.box.left < -1 || one.box.right > innerWidth + 1) say(`beside the screen: ${one.words}`);
  const bar = document.querySelector('.st-key-present-bar').getBoundingClientRect();
  const bottom = Math.max(...boxes.map((one) => one.box.bottom));
  return {found, size, bottom: bottom + scrollY, bar: bar.top, strip: !!stage.querySelector('.st-key-present-strip'),
          wide: document.documentElement.scrollWidth - innerWidth};
}"""


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    """The app on a store with a run of every kind that has screens: its address, and the runs by kind."""
    cache: Path = tmp_path_factory.mktemp("slides")
    runs = dict(stock(cache))
    runs["tour"] = save_made_tour(Store(cache), runs["score"])
    with running_app(cache) as url:
        yield url, {kind: runs[kind] for kind in ("tour", "edit", "score", "sweep")}


def shortcomings(page: Page, width: int) -> list[str]:
    """What a person in the audience would complain about."""
    _drawn(page)
    seen: dict[str, Any] = page.evaluate(LOOK)
    found: list[str] = list(seen["found"])
    if seen["wide"] > 1:
        found.append(f"wider than the screen by {seen['wide']} px")
    if width > 640 and seen["bottom"] > seen["bar"]:
        found.append(f"words end at {seen['bottom']:.0f} px, below the bar at {seen['bar']:.0f}")
    if seen["size"]:
        least = LEAST_STRIP if seen["strip"] else LEAST_PLOT[width]
        if seen["size"]["plot"] < least:
            found.append(f"the plot is {seen['size']['plot']:.0f} px high, at least {least} are wanted")
        if seen["size"]["letters"] < LEAST_TYPE[width]:
            found.append(f"letters of {seen['size']['letters']:.1f} px, at least {LEAST_TYPE[width]} are wanted")
    return found


def _drawn(page: Page) -> None:
    """Wait until the picture of the screen, if it has one, stands still at its size."""
    page.wait_for_timeout(250)
    if page.locator(".st-key-present-figure").count():
        picture = page.locator(".st-key-present-figure .main-svg:visible").first
        picture.wait_for()
        last = ""
        for _ in range(40):
            page.wait_for_timeout(150)
            box = json.dumps(picture.bounding_box())
            if box == last:
                return
            last = box


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_every_slide_of_every_kind_fits_its_screen(
    browser: Browser,
    new_context: Callable[..., BrowserContext],
    stocked: tuple[str, dict[str, str]],
    width: int,
    height: int,
) -> None:
    url, runs = stocked
    page = new_context(viewport={"width": width, "height": height}).new_page()
    complaints, looked_at = [], 0
    for kind, run in runs.items():
        page.goto(f"{url}/present?run={run}&step=1")
        for number in walking.screens(page):
            complaints += [f"{kind} {number}: {found}" for found in shortcomings(page, width)]
            looked_at += 1
    assert looked_at > 25
    assert not complaints, "\n".join(complaints)
