"""Logging in, with a provider on this machine: before anything else, and to one's own desk from any browser."""

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.browser.running import SLOW, free_port, main, running_app, settled
from tests.lending import lend_models

if not (importlib.util.find_spec("authlib") and importlib.util.find_spec("cryptography")):
    pytest.skip("no Authlib here; make login installs it", allow_module_level=True)

from tests.oidc_provider import CLIENT, SECRET, Provider, running_provider

TABLE = b"prompt,subject,target_new,target_true\nThe capital of France is,France,Rome,Paris\n"


@pytest.fixture
def provider() -> Iterator[Provider]:
    with running_provider(f"http://127.0.0.1:{free_port()}/oauth2callback") as found:
        yield found


@pytest.fixture
def address(provider: Provider, tmp_path: Path) -> Iterator[str]:
    """The app behind a login."""
    cache, port = lend_models(tmp_path / "cache"), int(provider.redirect.split(":")[2].split("/")[0])
    secrets = tmp_path / "secrets.toml"
    secrets.write_text(
        f'[auth]\nredirect_uri = "{provider.redirect}"\ncookie_secret = "for this test alone, and long enough"\n'
        f'client_id = "{CLIENT}"\nclient_secret = "{SECRET}"\n'
        f'server_metadata_url = "{provider.issuer}/.well-known/openid-configuration"\n'
    )
    with running_app(cache, "--secrets.files", str(secrets), port=port, GOLDENLAYERS_LOGIN="yes") as url:
        yield url


def logged_in(context: BrowserContext, address: str) -> Page:
    page = context.new_page()
    page.goto(address)
    main(page).get_by_role("button", name="Log in").click(timeout=SLOW)
    page.get_by_role("button", name="Log out").wait_for(timeout=SLOW)
    page.goto(f"{address}/dataset")
    settled(page)
    main(page).get_by_text("Your own file").click()
    settled(page)
    return page


def uploads(page: Page) -> Locator:
    """The list of uploaded files; it is there when there are some."""
    return main(page).locator(".st-key-dataset-upload")


def test_a_person_finds_the_same_desk_from_any_browser(
    new_context: Callable[..., BrowserContext], address: str, provider: Provider
) -> None:
    stranger = new_context().new_page()
    stranger.goto(f"{address}/runs")
    expect(main(stranger).get_by_role("button", name="Log in")).to_be_visible(timeout=SLOW)
    expect(stranger.get_by_test_id("stSidebarNav")).to_be_hidden()

    ann = logged_in(new_context(), address)
    ann.locator("input[type=file]").set_input_files({"name": "anns.csv", "mimeType": "text/csv", "buffer": TABLE})
    expect(uploads(ann)).to_be_visible(timeout=SLOW)
    elsewhere = logged_in(new_context(), address)
    expect(uploads(elsewhere)).to_be_visible(timeout=SLOW)

    provider.person = "bob"
    browser = new_context()
    bob = logged_in(browser, address)
    expect(uploads(bob)).to_have_count(0)
    assert not [cookie for cookie in browser.cookies() if cookie["name"] == "goldenlayers_desk"]
    bob.get_by_role("button", name="Log out").click()
    expect(main(bob).get_by_role("button", name="Log in")).to_be_visible(timeout=SLOW)
