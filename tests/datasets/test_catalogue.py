"""The catalogue, and the hub over a small server on this machine that speaks its protocol."""

import hashlib
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import huggingface_hub.constants
import pytest

from goldenlayers_core.datasets import catalogue, open_dataset
from goldenlayers_core.errors import DatasetError

RECORDS = [
    {
        "subject": "Mona Lisa",
        "src": "Who painted Mona Lisa?",
        "rephrase": "By whom is Mona Lisa?",
        "alt": "Goya",
        "answers": ["Leonardo"],
        "loc": "nq question: who wrote the iliad",
        "loc_ans": "Homer",
    }
]
COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(ThreadingHTTPServer):
    """Serves the file of the catalogue entry "zsre", or a refusal."""

    content = json.dumps(RECORDS).encode()
    refusal = ""  # the hub's error code, for example "GatedRepo"
    status = 404

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str] = []


class Handler(BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self) -> None:
        self.answer(with_body=False)

    def do_GET(self) -> None:
        self.answer(with_body=True)

    def answer(self, with_body: bool) -> None:
        hub = self.server
        hub.asked.append(f"{self.command} {self.path}")
        refusal = hub.refusal
        if (
            not refusal
            and self.path != "/datasets/wangzn2001/Model_Editing_Hurt/resolve/main/training-data/zsre_mend_eval.json"
        ):
            refusal = "EntryNotFound"
        self.send_response(hub.status if refusal else 200)
        if refusal:
            self.send_header("X-Error-Code", refusal)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{hashlib.sha256(hub.content).hexdigest()}"')
        self.send_header("Content-Length", "0" if refusal else str(len(hub.content)))
        self.end_headers()
        if with_body and not refusal:
            self.wfile.write(hub.content)

    def log_message(self, *args: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    server = Hub()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_hub_dataset_is_fetched_once_and_then_read_from_the_cache(hub: Hub) -> None:
    dataset = open_dataset("zsre")
    assert (dataset.name, dataset.format, dataset.requests[0].target_new) == ("zsre", "zsre-mend", "Goya")
    assert dataset.requests[0].source == "zsre"
    assert {line.split()[0] for line in hub.asked} == {"HEAD", "GET"}
    hub.asked.clear()
    assert open_dataset("zsre") == dataset
    assert hub.asked == []


@pytest.mark.parametrize(
    ("status", "refusal", "part"),
    [
        (403, "GatedRepo", "asks for access"),
        (404, "RepoNotFound", "or is private"),
        (404, "RevisionNotFound", "in the version we know"),
        (404, "EntryNotFound", "in the version we know"),
        (400, "Other", "answered with an error (400)"),
    ],
)
def test_refusals_of_the_hub_in_one_sentence(hub: Hub, status: int, refusal: str, part: str) -> None:
    hub.status, hub.refusal = status, refusal
    with pytest.raises(DatasetError) as caught:
        open_dataset("zsre")
    message = str(caught.value)
    assert part in message
    assert "zsre_mend_eval.json" in message
    assert message.endswith(".")
    assert "\n" not in message


def test_without_a_connection_the_bundled_dataset_is_proposed(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{free.getsockname()[1]}")
        with pytest.raises(DatasetError, match=r"cannot be reached; connect to the internet, or choose the bundled"):
            open_dataset("zsre")
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{hub.server_port}")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(DatasetError, match="cannot be reached"):
        open_dataset("zsre")
    assert hub.asked == []


def test_a_damaged_download_is_named(hub: Hub) -> None:
    hub.content = b'[{"subject": "Mona'
    with pytest.raises(DatasetError, match="zsre is not valid JSON"):
        open_dataset("zsre")


def test_the_catalogue_names_everything_needed_to_choose() -> None:
    entries = catalogue()
    assert [e.name for e in entries[:2]] == ["bundled", "bundled-hard"]
    assert len({e.name for e in entries}) == len(entries)
    for entry in entries:
        assert entry.title
        assert entry.description.endswith(".")
        assert entry.licence
        assert entry.filename
        assert entry.n_requests is None or entry.n_requests > 0
        assert (entry.where == "hub") == bool(entry.repository)


def test_unknown_names_list_the_known_ones(tmp_path: Path) -> None:
    for wrong in ("no such thing", "a\x00b", "x" * 5000):
        with pytest.raises(DatasetError, match="give a file or one of bundled, bundled-hard, classroom, counterfact"):
            open_dataset(wrong)
    with pytest.raises(DatasetError, match="is a folder"):
        open_dataset(tmp_path)


def test_a_path_opens_a_file(tmp_path: Path) -> None:
    path = tmp_path / "facts.json"
    path.write_text(json.dumps(RECORDS))
    assert open_dataset(path) == open_dataset(str(path))
    assert open_dataset(path).name == "facts.json"
