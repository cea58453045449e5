"""One app for the session; a fresh context (its own cookies and choices) for every test."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

from tests.browser.in_use import InUse, app_in_use
from tests.browser.running import running_app, settled
from tests.lending import lend_models

# Streamlit's own page looks for its server below the page's address first, and above it when that is not found.
LOOKING = re.compile(r"404 \(Not Found\) \(.*/[a-z_]+/_stcore/(health|host-config)\)$")


@pytest.fixture(scope="session")
def app_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder the app keeps everything in."""
    return lend_models(tmp_path_factory.mktemp("app-cache"))


@pytest.fixture(scope="session")
def app_url(app_cache: Path) -> Iterator[str]:
    """Address of the running app."""
    with running_app(app_cache) as url:
        yield url


@pytest.fixture(scope="session")
def in_use(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InUse]:
    """Another app, with a run of every kind and an edit made; tests add to it and take nothing away."""
    with app_in_use(browser, tmp_path_factory.mktemp("in-use")) as found:
        yield found


@pytest.fixture
def complaints() -> list[str]:
    """What the browser complained about; `page` fills it."""
    return []


@pytest.fixture
def page(new_context: Callable[..., BrowserContext], app_url: str, complaints: list[str]) -> Iterator[Page]:
    """A page of the app in a fresh context; the test fails if the browser complained or a traceback was shown."""
    page = new_context().new_page()
    listen(page, complaints)
    page.goto(app_url)
    settled(page)
    yield page
    assert not page.get_by_test_id("stException").count(), page.get_by_test_id("stException").first.inner_text()
    assert not complaints, "\n".join(complaints)


def listen(page: Page, complaints: list[str]) -> None:
    """Collect errors of the console and of scripts."""

    def heard(message: ConsoleMessage) -> None:
        said = f"{message.text} ({message.location.get('url', '')})"
        if message.type == "error" and not LOOKING.search(said):
            complaints.append(said)

    page.on("console", heard)
    page.on("pageerror", lambda error: complaints.append(str(error)))
