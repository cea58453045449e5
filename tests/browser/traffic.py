"""What a page has asked its server for, and what was answered: "nothing runs" says little before a click has arrived.

A page tells `notRunning` until the server's first word on a click reaches it. On a busy machine a test that believes it
presses a button of the picture before. The messages themselves say whether what was asked for is still to come.
"""

import time
from weakref import WeakKeyDictionary

from playwright.sync_api import Browser, Page, WebSocket
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

WHOLE = ""  # in the place of a fragment's id: the whole page
LATE = 20.0  # seconds after which a question counts as one that nobody answers (a part of the page that is gone)


class Traffic:
    """The reruns that one page has asked for and the server has not begun yet, and whether one runs."""

    def __init__(self, page: Page) -> None:
        self._asked: dict[str, float] = {}  # fragment, or WHOLE -> when
        self._running = False
        page.on("websocket", self._connected)

    @property
    def quiet(self) -> bool:
        """Whether everything that was asked for has been answered to its end."""
        now = time.monotonic()
        return not self._running and not any(now - when < LATE for when in self._asked.values())

    def _connected(self, socket: WebSocket) -> None:
        if not socket.url.endswith("/_stcore/stream"):
            return
        self._asked, self._running = {}, False  # a page that was left is answered no more
        socket.on("framesent", self._sent)
        socket.on("framereceived", self._received)

    def _sent(self, frame: bytes | str) -> None:
        if not isinstance(frame, bytes):
            return
        message = BackMsg.FromString(frame)
        if message.WhichOneof("type") == "rerun_script" and not message.rerun_script.is_auto_rerun:
            self._asked[message.rerun_script.fragment_id or WHOLE] = time.monotonic()

    def _received(self, frame: bytes | str) -> None:
        if not isinstance(frame, bytes):
            return
        message = ForwardMsg.FromString(frame)
        kind = message.WhichOneof("type")
        if kind == "new_session":
            fragments = list(message.metadata.run.fragment_ids)
            for answered in fragments or list(self._asked):  # a run of the whole page runs its parts, too
                self._asked.pop(answered, None)
            self._running = not fragments
        elif kind == "script_finished":
            self._running = message.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN


_HEARD: WeakKeyDictionary[Page, Traffic] = WeakKeyDictionary()


def listen_to(browser: Browser) -> None:
    """Follow the traffic of every page that the browser opens from now on."""
    browser.on("context", lambda context: context.on("page", _follow))


def _follow(page: Page) -> None:
    _HEARD[page] = Traffic(page)


def quiet(page: Page) -> bool:
    """Whether nothing that the page asked for is still to come."""
    page.evaluate("() => new Promise(done => setTimeout(done, 12))")  # what was clicked is sent, what came is drawn
    heard = _HEARD.get(page)
    return heard is None or heard.quiet
