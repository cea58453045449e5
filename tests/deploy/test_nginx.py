"""deploy/nginx.conf in front of the running app, by a real nginx: headers, WebSocket, limits, what is closed.

The file runs as it is, but for its ports, its name and the paths of its certificate.
"""

import http.client
import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext
from websockets.exceptions import InvalidHandshake
from websockets.sync.client import connect

from goldenlayers_core.runtime import Store
from goldenlayers_core.tasks import DatasetChoice
from goldenlayers_core.tasks.questions import SweepQuestion
from goldenlayers_core.tasks.truth.stored_sweep import save_sweep
from tests.browser.running import SLOW, free_port, main, running_app, settled
from tests.lending import lend_models
from tests.made_up import made_sweep

CONF = Path(__file__).parents[2] / "deploy" / "nginx.conf"
NAME = "layers.example.org"
MIB = 2**20
NGINX = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
OPENSSL = shutil.which("openssl")
pytestmark = pytest.mark.skipif(not (NGINX and OPENSSL), reason="no nginx or no openssl here (Debian: nginx-light)")


@dataclass(frozen=True)
class Served:
    """The app behind nginx, at https://localhost:port."""

    port: int
    plain: int  # the port without TLS
    certificate: Path
    run_id: str  # of a stored sweep

    @property
    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.certificate))

    def answer(self, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers (names in small letters) and content."""
        client = http.client.HTTPSConnection("localhost", self.port, context=self.trust, timeout=60)
        client.putrequest(method, path, skip_host="Host" in headers)
        for name, value in headers.items():
            client.putheader(name.replace("_", "-"), value)
        client.endheaders()
        answer = client.getresponse()
        found = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        client.close()
        return found


def configured(folder: Path, port: int, plain: int, app: int) -> Path:
    """nginx.conf for this test; every piece that is changed must be there."""
    text = CONF.read_text()
    for old, new in (
        (f"/etc/ssl/certs/{NAME}.pem", f"{folder}/certificate.pem"),
        (f"/etc/ssl/private/{NAME}.key", f"{folder}/key.pem"),
        ("127.0.0.1:8501;", f"127.0.0.1:{app};"),
        ("listen 443 ", f"listen 127.0.0.1:{port} "),
        ("listen 80", f"listen 127.0.0.1:{plain}"),
        (NAME, "localhost"),
    ):
        assert old in text, old
        text = text.replace(old, new)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "\n".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    site, whole = folder / "site.conf", folder / "nginx.conf"
    site.write_text(text)
    # its worker writes long answers into this folder, which root's test lets nobody else enter
    user = "user root;\n" if os.geteuid() == 0 else ""
    whole.write_text(
        f"{user}pid {folder}/pid;\nerror_log {folder}/error.log;\nworker_processes 1;\nevents {{}}\n"
        f"http {{ access_log off;\n{temporary}\ninclude {site}; }}\n"
    )
    return whole


def until_it_listens(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    end = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError(f"nginx did not start: {(folder / 'error.log').read_text()}")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder, cache = tmp_path_factory.mktemp("nginx"), lend_models(tmp_path_factory.mktemp("proxied"))
    question = SweepQuestion(choice=DatasetChoice("bundled", "proxy", 4), layers=(0, 3, 6))
    run_id = save_sweep(Store(cache), question, made_sweep(4, (0, 3, 6)))
    made = ["-keyout", folder / "key.pem", "-out", folder / "certificate.pem"]
    named = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"]
    command = [OPENSSL, "req", "-x509", "-newkey", "rsa:2048", "-nodes", *named, *made]
    subprocess.run(command, check=True, capture_output=True)
    port, plain = free_port(), free_port()
    with running_app(cache) as url:
        conf = configured(folder, port, plain, urlsplit(url).port or 0)
        process = subprocess.Popen([NGINX, "-c", conf, "-p", folder, "-e", folder / "error.log", "-g", "daemon off;"])
        try:
            until_it_listens(port, process, folder)
            yield Served(port, plain, folder / "certificate.pem", run_id)
        finally:
            process.terminate()
            process.wait(20)


def test_a_page_comes_with_the_headers_that_streamlit_cannot_set(served: Served) -> None:
    status, headers, content = served.answer("/edit")
    assert status == 200
    assert b"<title>Streamlit</title>" in content
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self' 'unsafe-inline'"
    assert policy["frame-ancestors"] == "'self'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["x-frame-options"] == "SAMEORIGIN"
    assert headers["server"] == "nginx"  # and no version


def test_static_files_and_refusals_carry_them_too(served: Served) -> None:
    for path in ("/static/js/nothing.js", "/_stcore/metrics", "/_stcore/health"):
        _, headers, _ = served.answer(path)
        assert headers["x-content-type-options"] == "nosniff", path
        assert "frame-ancestors" in headers["content-security-policy"], path


@pytest.mark.parametrize(
    "path",
    [
        "/_stcore/metrics",
        "//_stcore/metrics",
        "/_stcore/../_stcore/metrics",
        "/%5fstcore/metrics",
        "/edit/_stcore/metrics",
        "/_stcore/agent/openapi.json",
        "/_stcore/agent/mcp",
        "/_stcore/script-health-check",
        "/healthz",
    ],
)
def test_what_is_for_the_server_s_own_people_is_closed(served: Served, path: str) -> None:
    status, _, content = served.answer(path)
    assert status == 404
    assert b"memory" not in content.lower()


def test_a_websocket_is_passed_on_under_the_name_and_under_no_other(served: Served) -> None:
    address = f"wss://localhost:{served.port}/_stcore/stream"
    with connect(address, ssl=served.trust, subprotocols=["streamlit"], proxy=None, open_timeout=60) as socket_:
        assert socket_.response.status_code == 101
        assert socket_.subprotocol == "streamlit"
    with (
        pytest.raises(InvalidHandshake),
        connect(
            address,
            ssl=served.trust,
            subprotocols=["streamlit"],
            proxy=None,
            open_timeout=60,
            origin="https://elsewhere.example",
        ),
    ):
        pass


def test_another_name_gets_nothing_of_the_app(served: Served) -> None:
    status, _, content = served.answer("/", Host="elsewhere.example")
    assert status != 200
    assert b"Streamlit" not in content
    client = http.client.HTTPConnection("127.0.0.1", served.plain, timeout=60)
    client.request("GET", "/", headers={"Host": "elsewhere.example"})
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        client.getresponse()
    client.close()


def test_without_tls_the_reader_is_sent_to_the_name(served: Served) -> None:
    client = http.client.HTTPConnection("127.0.0.1", served.plain, timeout=60)
    client.request("GET", "/edit?layer=3", headers={"Host": "localhost"})
    answer = client.getresponse()
    answer.read()
    client.close()
    assert (answer.status, answer.getheader("Location")) == (308, "https://localhost/edit?layer=3")


def test_a_body_beyond_the_limit_is_refused_before_it_is_sent(served: Served) -> None:
    path = "/_stcore/upload_file/no-session/no-file"
    too_large, _, _ = served.answer(path, "PUT", Content_Length=str(66 * MIB), Expect="100-continue")
    assert too_large == 413


@pytest.mark.browser
def test_the_pages_draw_under_the_policy(served: Served, new_context: Callable[..., BrowserContext]) -> None:
    """A page with charts and one with a table: nothing is refused, nothing goes to another site, no eval."""
    refused: list[str] = []
    asked: set[str] = set()
    page = new_context(ignore_https_errors=True).new_page()
    page.on("console", lambda m: refused.append(m.text) if "Content Security Policy" in m.text else None)
    page.on("pageerror", lambda error: refused.append(str(error)))
    page.on("request", lambda request: asked.add(urlsplit(request.url).netloc))
    page.goto(f"https://localhost:{served.port}/ground_truth?run={served.run_id}")
    settled(page)
    main(page).get_by_test_id("stPlotlyChart").locator(".main-svg").first.wait_for(timeout=SLOW)
    assert page.get_by_test_id("stException").count() == 0
    page.goto(f"https://localhost:{served.port}/runs")
    settled(page)
    page.goto(f"https://localhost:{served.port}/dataset")
    settled(page)
    complaints = list(refused)
    # later and by itself: what runs within the driver's own call is let through
    attempt = "setTimeout(() => { try { window.tried = eval('1') } catch { window.tried = 'refused' } }, 100)"
    page.add_script_tag(content=attempt)
    page.wait_for_timeout(1000)
    tried = page.evaluate("window.tried")
    assert not complaints, complaints
    assert asked - {""} == {f"localhost:{served.port}"}
    assert tried == "refused"
