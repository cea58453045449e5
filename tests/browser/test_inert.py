"""What a stranger wrote is shown as text: no element, request, style or script comes of it, on pages or in reports."""

import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from playwright.sync_api import Page, Route

from goldenlayers_core.runtime import Store
from goldenlayers_core.tasks.report import report_bytes
from pages._truth.views import VIEWS
from tests.browser.conftest import listen
from tests.browser.running import PAGES, SLOW, main, running_app, settled, visit
from tests.browser.test_pages import upload
from tests.browser.walking import screens
from tests.hostile import DRAWN, HOST, LINES, TEXT, stock, table
from tests.lending import lend_models


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path, dict[str, str]]]:
    """An app on a store of hostile runs: its address, its folder, its runs by kind."""
    cache = lend_models(tmp_path_factory.mktemp("hostile"))
    runs = dict(stock(cache))
    with running_app(cache) as url:
        yield url, cache, runs


@pytest.fixture
def asked(page: Page) -> list[str]:
    """The foreign addresses that the browser asked for."""
    found: list[str] = []

    def stop(route: Route) -> None:
        found.append(route.request.url)
        route.abort()

    page.context.route(lambda url: HOST in url.split("?")[0], stop)
    return found


def look(page: Page, asked: list[str], where: str) -> None:
    """Everything on the page, its folded parts opened first."""
    settled(page)
    for box in main(page).locator("details:not([open]) > summary").all():
        if box.is_visible():
            box.click()
    page.wait_for_timeout(300)
    settled(page)
    assert not asked, (where, asked)
    assert not (drawn := page.evaluate(DRAWN)), (where, drawn)


def test_no_page_draws_what_a_stranger_wrote(
    page: Page, asked: list[str], hostile: tuple[str, Path, dict[str, str]]
) -> None:
    url, _, runs = hostile
    page.goto(url)
    for name in PAGES:
        visit(page, name)
        look(page, asked, name)
    upload(page, f"{TEXT[:80].replace('/', '_')}.csv", table())
    page.wait_for_timeout(1500)
    look(page, asked, "an upload")
    shown = {"score": "layer_scores", "sweep": "ground_truth", "edit": "edit", "many-edits": "edit"}
    for kind, place in shown.items():
        page.goto(f"{url}/{place}?{urlencode({'run': runs[kind], 'request': TEXT[:100]})}")
        look(page, asked, kind)
    page.goto(f"{url}/ground_truth?{urlencode({'run': runs['sweep'], 'view': 'metrics'})}")
    look(page, asked, "metrics")
    for title in VIEWS.values():
        closer = main(page).get_by_role("radiogroup", name="Look closer")
        closer.get_by_role("radio", name=title, exact=True).click(timeout=SLOW)
        look(page, asked, title)
    for kind in ("edit", "score", "sweep"):
        page.goto(f"{url}/present?run={runs[kind]}")
        for step in screens(page):
            look(page, asked, f"screen {step} of {kind}")


@pytest.mark.parametrize("place", ["", "model", "dataset", "layer_scores", "ground_truth", "edit", "runs", "present"])
def test_no_address_is_drawn(
    page: Page, asked: list[str], hostile: tuple[str, Path, dict[str, str]], place: str
) -> None:
    url, _, _ = hostile
    names = ("model", "dataset", "run", "request", "method", "settings", "view", "layer", "a", "b", "lesson", "term")
    page.goto(f"{url}/{place}?{urlencode(dict.fromkeys(names, TEXT[:290]))}")
    look(page, asked, place)
    for prompt, subject in ((f"{TEXT} is", TEXT[:200]), (TEXT, "stranger"), (TEXT, "absent"), (LINES, "evilitem")):
        free = {"prompt": prompt, "subject": subject, "new": TEXT, "old": TEXT, "follow": LINES, "stay": LINES}
        page.goto(f"{url}/{place}?{urlencode(free)}")
        look(page, asked, f"{place}: {subject}")
        if place != "edit":
            break


def test_no_report_draws_it(
    page: Page, asked: list[str], hostile: tuple[str, Path, dict[str, str]], tmp_path: Path, complaints: list[str]
) -> None:
    _, cache, runs = hostile
    for kind, run_id in runs.items():
        file = tmp_path / f"{kind}.html"
        file.write_bytes(report_bytes(Store(cache), run_id))
        other = page.context.new_page()
        listen(other, complaints)
        other.goto(file.as_uri())
        other.wait_for_timeout(500)
        assert not asked, (kind, asked)
        assert not (drawn := other.evaluate(DRAWN)), (kind, drawn)
        other.close()


def test_what_is_drawn_is_seen(page: Page, asked: list[str], complaints: list[str]) -> None:
    page.set_content(f"<p><strong>evilbold</strong><img src='http://{HOST}/p.png'><a href='http://{HOST}/'>x</a></p>")
    page.wait_for_timeout(200)
    assert asked == [f"http://{HOST}/p.png"]
    assert set(page.evaluate(DRAWN)) >= {"STRONG: evilbold", f"A href=http://{HOST}/"}
    complaints.clear()  # of the request that was stopped


@pytest.mark.parametrize(("name", "status"), [("127.0.0.1", "101"), ("localhost", "101"), (HOST, "403")])
def test_a_page_of_another_name_gets_no_connection(app_url: str, name: str, status: str) -> None:
    address = urlsplit(app_url)
    lines = (
        "GET /_stcore/stream HTTP/1.1",
        f"Host: {name}:{address.port}",
        f"Origin: http://{name}:{address.port}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    )
    with socket.create_connection(("127.0.0.1", address.port or 0), timeout=30) as line:
        line.sendall("\r\n".join((*lines, "", "")).encode())
        assert line.recv(64).split()[1].decode() == status
