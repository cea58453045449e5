"""Real browsers of the part `sessions`: each is a new desk, asks for an edit on the page Edit, reads what it says,
looks at another page, and leaves.

    python -m tests.torture.browsing ADDRESS BROWSERS SECONDS FACTS SEED
"""

import contextlib
import json
import random
import sys
import time
from typing import Any

from playwright.sync_api import Browser, Page, expect, sync_playwright

from goldenlayers_core.places import cache_root
from tests.browser.running import SLOW, launch, main, settled, visit
from tests.conftest import browser_path
from tests.torture.asks import Ask, pool

PATIENT = 8 * SLOW  # milliseconds: its turn comes after those of many others
OTHERS = ("Home", "Model", "Dataset", "Layer scores", "Runs", "Learn")


def opened(browser: Browser, address: str, ask: Ask) -> Page:
    """A browser that has never been here, with its edit under way."""
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.set_default_timeout(PATIENT)
    page.goto(address + ask.address)
    settled(page)
    load = page.locator(".st-key-edit-load").get_by_role("button")
    if load.count():
        load.click()
    button = page.locator(".st-key-edit").get_by_role("button")
    button.wait_for(timeout=PATIENT)
    settled(page)
    button.click()
    return page


def looked(page: Page, ask: Ask, right: dict[str, Any], other: str) -> list[str]:
    """What the page says otherwise than the oracle; then a look at another page."""
    rows = page.locator("[class*='st-key-stack-row-']")
    expect(rows).to_have_count(1, timeout=PATIENT)
    settled(page)
    told = " ".join(page.locator(".st-key-edit-verdict").inner_text(timeout=PATIENT).split())
    bad = [] if " ".join(right["light"].split()) in told else [f"{ask.name}: the page says {told[:300]!r}"]
    for where, said in zip(("before", "after"), right["shown"], strict=True):
        text = page.locator(f".st-key-edit-{where}").inner_text(timeout=PATIENT)
        if " ".join(said.split()) not in " ".join(text.split()):
            bad.append(f"{ask.name}, {where}: the page shows {text[:200]!r}, alone it was {said!r}")
    visit(page, other)
    if main(page).get_by_test_id("stException").count():
        bad.append(f"{other} shows a traceback")
    return bad


def browsed(address: str, n: int, seconds: float, n_facts: int, seed: int) -> dict[str, Any]:
    """Rounds of so many browsers at once, until the time is over; one at least."""
    asks, r = [ask for ask in pool(n_facts) if ask.kind == "edit"], random.Random(seed)
    right = json.loads((cache_root() / "oracle.json").read_text())
    end, edits, bad = time.monotonic() + seconds, 0, []
    with sync_playwright() as playwright:
        browser = launch(playwright, str(browser_path()))
        while edits == 0 or time.monotonic() < end:
            chosen = [r.choice(asks) for _ in range(n)]
            pages = [opened(browser, address, ask) for ask in chosen]
            for page, ask in zip(pages, chosen, strict=True):
                try:
                    bad += [f"browser: {said}" for said in looked(page, ask, right[ask.name], r.choice(OTHERS))]
                    edits += 1
                except Exception as error:
                    bad.append(f"browser: {ask.name}: {error!r:.400}")
                page.context.close()
            if len(bad) > 20:
                break
        browser.close()
    return {"edits": edits, "bad": bad}


def begin(words: list[str]) -> None:
    """See above. What came of it lies in the cache folder at the end, whatever happens."""
    found: dict[str, Any] = {"edits": 0, "bad": ["the browsers broke off"]}
    with contextlib.ExitStack() as stack:
        stack.callback(lambda: (cache_root() / "browsed.json").write_text(json.dumps(found)))
        try:
            found = browsed(words[0], int(words[1]), float(words[2]), int(words[3]), int(words[4]))
        except Exception as error:
            found = {"edits": 0, "bad": [f"browsers: {error!r:.400}"]}


if __name__ == "__main__":
    begin(sys.argv[1:])
