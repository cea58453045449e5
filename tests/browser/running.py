"""The real app in a process of its own, and what a test does again and again in a browser."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, Playwright, TimeoutError

from tests.browser import traffic

ROOT = Path(__file__).resolve().parents[2]
BROWSER_ARGUMENTS = ("--no-sandbox", "--headless", "--disable-gpu", "--disable-background-networking")
LONGEST = 4_000  # px of a page on a phone, before something is opened
PAGES = ("Home", "Model", "Dataset", "Layer scores", "Ground truth", "Edit", "Learn", "Runs", "Present")
SLOW = 120_000  # milliseconds; the machine may be busy with other things


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def running_app(cache: Path, *options: str, port: int = 0, **variables: str) -> Iterator[str]:
    """Start the app on `cache`, with more options and variables; its address. The log is `cache/app.log`."""
    port = port or free_port()
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    command += ["--server.address", "127.0.0.1", "--server.headless", "true", "--browser.gatherUsageStats", "false"]
    command += ["--server.fileWatcherType", "none", *options]
    environment = {**os.environ, "GOLDENLAYERS_CACHE": str(cache), "OMP_WAIT_POLICY": "PASSIVE", **variables}
    log = cache / "app.log"
    with log.open("w") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        _wait_for(f"http://127.0.0.1:{port}/_stcore/health", process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(f"The app did not start; it said:\n{log.read_text()[-4000:]}")


def launch(playwright: Playwright, chromium: str) -> Browser:
    """The installed Chromium."""
    browser = playwright.chromium.launch(executable_path=chromium, args=list(BROWSER_ARGUMENTS))
    traffic.listen_to(browser)
    return browser


def settled(page: Page) -> None:
    """Wait until the page was drawn, everything that was asked for has come, and nothing of it is still running."""
    end = time.monotonic() + SLOW / 1000
    while not (traffic.quiet(page) and traffic.quiet(page)) and time.monotonic() < end:
        pass  # each look takes its moment
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for(timeout=SLOW)
    page.locator('[data-testid="stMainBlockContainer"] h1').first.wait_for(timeout=SLOW)


def visit(page: Page, name: str) -> None:
    """Go to a page by the sidebar, as a person does; the session stays."""
    settled(page)
    link = page.locator('[data-testid="stSidebarNav"]').get_by_role("link", name=name, exact=True)
    link.wait_for(state="attached", timeout=SLOW)
    if page.get_by_test_id("stSidebar").get_attribute("data-collapsed") == "true":  # a phone
        page.get_by_test_id("stExpandSidebarButton").click()
    title = "Golden Layers" if name == "Home" else name
    heading = main(page).get_by_role("heading", level=1, name=title, exact=True)
    link.click()
    try:
        heading.wait_for(timeout=SLOW / 4)
    except TimeoutError:  # a click in the instant of a rerun is lost; a person clicks again
        link.click()
        heading.wait_for(timeout=SLOW)
    settled(page)


def length(page: Page) -> int:
    """How many px of a page there are to scroll through."""
    return int(main(page).evaluate("node => node.scrollHeight"))


def main(page: Page) -> Locator:
    """The page without its sidebar."""
    return page.get_by_test_id("stMainBlockContainer")
