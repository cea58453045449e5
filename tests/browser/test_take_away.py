"""An edit goes out through the browser as an adapter and comes back into another session; many edits from a table."""

import zipfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.running import SLOW, main, settled
from tests.browser.test_bench import choose, enter, expect_names, rows
from tests.browser.test_scores_and_edit import PATIENT, key, press


def test_an_edit_is_downloaded_and_brought_back_in_another_browser(
    page: Page, new_context: Callable[..., BrowserContext], app_url: str, tmp_path: Path
) -> None:
    enter(page)
    press(page, "edit-layer-early")
    settled(page)
    press(page, "edit")
    expect(rows(page)).to_have_count(1, timeout=PATIENT)
    settled(page)
    choose(page, "edit-view", "Take it away")
    with page.expect_download(timeout=SLOW) as coming:
        key(page, "export-peft").locator("button").click()
    adapter = tmp_path / "adapter.zip"
    coming.value.save_as(adapter)
    with zipfile.ZipFile(adapter) as archive:
        assert {Path(name).name for name in archive.namelist()} == {"adapter_config.json", "adapter_model.safetensors"}
    name = rows(page).first.locator("p").filter(has_text="→").first.inner_text()

    other = new_context().new_page()
    other.goto(app_url)
    settled(other)
    enter(other)
    expect(rows(other)).to_have_count(0)  # what one browser made the other does not see
    choose(other, "edit-view", "Take it away")
    main(other).locator('[data-testid="stFileUploaderDropzone"] input').set_input_files(adapter)
    expect(key(other, "import").locator("button")).to_be_enabled(timeout=SLOW)
    settled(other)
    press(other, "import")
    expect(main(other).get_by_text("On stack A now: 1 edit of adapter.zip.")).to_be_visible(timeout=PATIENT)
    expect_names(other, name.removeprefix("1. ").removesuffix(" · on show"))
    main(other).locator('[data-testid="stFileUploaderDropzone"] input').set_input_files(
        {"name": "note.safetensors", "mimeType": "text/plain", "buffer": b"nothing of the kind"}
    )
    settled(other)


def test_many_edits_of_a_table_and_one_of_them_in_the_bench(page: Page) -> None:
    enter(page)
    choose(page, "edit-view", "Many edits")
    number = key(page, "part-limit-bundled-proxy").locator("input")
    number.fill("2")
    number.press("Enter")
    expect(key(page, "many-go").get_by_text("Edit 2 requests")).to_be_visible(timeout=SLOW)
    settled(page)
    press(page, "many-go")
    expect(key(page, "many-rates").get_by_text("Rewrite, as wished")).to_be_visible(timeout=PATIENT)
    settled(page)
    expect(main(page).get_by_text("2 requests of bundled (proxy split), first 2")).to_be_visible()
    press(page, "many-open")
    expect(rows(page)).to_have_count(1, timeout=PATIENT)
