"""The pages in a real browser: navigation, loading, uploads, reloads, two people at once."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from goldenlayers_core.runtime import Store
from tests.browser.running import PAGES, ROOT, SLOW, main, running_app, settled, visit
from tests.tiny import save_tiny

BENCHMARKS = Path(os.environ.get("GOLDENLAYERS_BENCHMARKS", ROOT.parent / "shared" / "benchmarks"))
ODD = (
    "wording;about;becomes;was\nThe capital of France is;France;Rome;Paris\nThe capital of Japan is;Japan;Oslo;Tokyo\n"
)


def choose(page: Page, key: str, option: str) -> None:
    """Pick an option of a selectbox."""
    page.locator(f".st-key-{key} input").click()
    page.get_by_role("option", name=option, exact=True).click()
    settled(page)


def press(page: Page, key: str) -> None:
    """Press a button once the page is at rest."""
    settled(page)
    page.locator(f".st-key-{key} button").click()


def upload(page: Page, name: str, content: bytes) -> None:
    """Give the Dataset page a file."""
    visit(page, "Dataset")
    main(page).get_by_role("radio", name="Your own file").or_(
        main(page).get_by_role("button", name="Your own file")
    ).first.click()
    files = main(page).locator('.st-key-dataset-file input[type="file"]')
    files.wait_for(state="attached", timeout=SLOW)
    files.set_input_files({"name": name, "mimeType": "application/octet-stream", "buffer": content})


def test_every_page_opens_and_the_browser_has_no_complaint(page: Page) -> None:
    for name in (*PAGES, *PAGES):
        visit(page, name)
        expect(page.get_by_test_id("stException")).to_have_count(0)
        expect(page.get_by_test_id("stSidebar").get_by_text("This session")).to_be_attached()


def test_every_page_fits_a_phone(new_context: Callable[..., BrowserContext], app_url: str) -> None:
    page = new_context(viewport={"width": 390, "height": 844}, has_touch=True).new_page()
    page.goto(app_url)
    settled(page)
    for name in PAGES:
        visit(page, name)
        widths = page.evaluate("() => [document.documentElement.scrollWidth, window.innerWidth]")
        assert widths[0] <= widths[1], f"{name} is {widths[0]} px wide on a screen of {widths[1]} px"
        wide = main(page).evaluate(
            "node => [...node.querySelectorAll('p, h1, h2, h3, button')].filter(e => e.offsetWidth > 390).length"
        )
        assert wide == 0, f"{name} has {wide} texts that are cut on a phone"


def test_the_first_visitor_of_a_process_may_come_by_any_address(
    new_context: Callable[..., BrowserContext], tmp_path: Path
) -> None:
    with running_app(tmp_path) as url:
        page = new_context().new_page()
        page.goto(f"{url}/dataset")
        page.get_by_role("heading", level=1, name="Dataset", exact=True).wait_for(timeout=SLOW)
        expect(page.get_by_test_id("stSidebar").get_by_text("This session")).to_be_visible(timeout=SLOW)
        expect(page.get_by_test_id("stSidebarNav").get_by_role("link", name="Layer scores")).to_be_visible()


def test_the_bundled_model_loads_from_its_page(page: Page) -> None:
    visit(page, "Model")
    press(page, "model-load")
    expect(main(page).get_by_role("heading", name="SmolLM2-135M-Instruct")).to_be_visible(timeout=SLOW)
    expect(main(page).get_by_text("Fingerprint:")).to_be_visible()
    sidebar = page.get_by_test_id("stSidebar")
    expect(sidebar.get_by_text("Model SmolLM2-135M-Instruct")).to_be_visible(timeout=SLOW)
    expect(sidebar.get_by_text("Loading SmolLM2-135M-Instruct")).to_have_count(0, timeout=SLOW)


def test_a_table_with_odd_columns_is_mapped_and_used(page: Page) -> None:
    upload(page, "odd.csv", ODD.encode())
    expect(main(page).get_by_text("say which of them holds")).to_be_visible(timeout=SLOW)
    for key, column in (("prompt", "wording"), ("subject", "about"), ("target_new", "becomes"), ("target_true", "was")):
        choose(page, f"column-{key}", column)
    press(page, "apply-mapping")
    press(page, "use-dataset")
    expect(page.get_by_test_id("stSidebar").get_by_text("odd.csv")).to_be_visible(timeout=SLOW)
    page.reload()
    settled(page)
    expect(page.get_by_test_id("stSidebar").get_by_text("odd.csv")).to_be_visible(timeout=SLOW)
    expect(main(page).get_by_text("The capital of France is …").first).to_be_visible(timeout=SLOW)


def test_a_bad_file_is_one_sentence_and_what_was_chosen_stays(page: Page) -> None:
    upload(page, "notes.csv", b"\x00\x01\x02\xff\xfe\xfd" * 50)
    alert = main(page).get_by_test_id("stAlert")
    expect(alert).to_have_count(1, timeout=SLOW)
    assert len(alert.inner_text().strip().splitlines()[-1]) > 20
    expect(page.get_by_test_id("stSidebar").get_by_text("bundled (proxy split), first 32")).to_be_visible()


@pytest.mark.skipif(
    not (BENCHMARKS / "counterfact.json").is_file(), reason=f"no counterfact.json in {BENCHMARKS} on this machine"
)
def test_counterfact_as_published_is_read_and_scored(page: Page, app_cache: Path) -> None:
    upload(page, "counterfact.json", (BENCHMARKS / "counterfact.json").read_bytes())
    expect(main(page).get_by_text("Format: counterfact").first).to_be_visible(timeout=SLOW)
    press(page, "use-dataset")
    expect(page.get_by_test_id("stSidebar").get_by_text("counterfact.json")).to_be_visible(timeout=SLOW)
    visit(page, "Layer scores")
    press(page, "score")
    card = page.locator(".st-key-golden-layer-card")
    card.get_by_text("What it was computed from").click(timeout=3 * SLOW)
    expect(card.get_by_text("counterfact.json", exact=False).first).to_be_visible(timeout=SLOW)
    expect(page.locator("[class*='st-key-figure-heatmap'] .scatterlayer .points path").first).to_be_attached()
    store = Store(app_cache)  # other tests begin without a result
    for manifest in store.runs():
        store.delete_run(manifest.run_id)


def test_a_reload_finds_the_running_work_again(page: Page) -> None:
    visit(page, "Model")
    press(page, "model-load")
    expect(main(page).get_by_text("Fingerprint:")).to_be_visible(timeout=SLOW)
    visit(page, "Dataset")
    main(page).get_by_text("Everything", exact=True).click()
    settled(page)
    number = main(page).locator(".st-key-part-limit-bundled-all input")
    number.fill("600")
    number.press("Enter")
    expect(main(page).get_by_role("button", name="Use these 600 requests")).to_be_visible(timeout=SLOW)
    press(page, "use-dataset")
    visit(page, "Layer scores")
    press(page, "score")
    progress = main(page).get_by_text("Scoring bundled, first 600")
    expect(progress).to_be_visible(timeout=SLOW)
    page.reload()
    expect(progress).to_be_visible(timeout=SLOW)
    visit(page, "Dataset")
    visit(page, "Layer scores")
    expect(progress).to_be_visible(timeout=SLOW)
    press(page, "cancel-score")
    expect(main(page).get_by_text("was cancelled; what was finished is kept")).to_be_visible(timeout=SLOW)


def test_two_people_share_the_machine_but_no_choice(
    page: Page, new_context: Callable[..., BrowserContext], app_url: str, tmp_path: Path
) -> None:
    folder = save_tiny(tmp_path / "tiny-model")
    other = new_context().new_page()
    other.goto(app_url)
    settled(other)
    visit(page, "Model")
    main(page).get_by_text("Folder or GGUF file").click()
    settled(page)
    main(page).locator(".st-key-model-path input").fill(str(folder))
    press(page, "model-load")
    expect(page.get_by_test_id("stSidebar").get_by_text("Model tiny-model")).to_be_visible(timeout=SLOW)
    visit(other, "Model")
    visit(other, "Home")
    expect(other.get_by_test_id("stSidebar").get_by_text("tiny-model")).to_have_count(0)
    page.reload()
    settled(page)
    expect(page.get_by_test_id("stSidebar").get_by_text("Model tiny-model")).to_be_visible(timeout=SLOW)
