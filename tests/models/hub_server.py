"""A model hub on 127.0.0.1: the endpoints that the hub's client asks for when it fetches a model."""

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(ThreadingHTTPServer):
    """Serves folders as repositories of models, and of files of datasets."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.repositories: dict[str, Path] = {}
        self.gated: set[str] = set()
        self.parameters: dict[str, int] = {}
        self.broken: set[str] = set()  # files whose transfer breaks off
        self.pause = 0.0  # seconds before each twentieth of a file
        self.asked: list[str] = []
        self.searched: list[tuple[dict[str, list[str]], str | None]] = []  # what was asked of the search, and by whom
        self.thinks = 0.0  # seconds before the search answers
        self.search_broken = 0  # status that the search answers with; 0: it works

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Hub

    def log_message(self, *_args: object) -> None:
        """Quiet."""

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def answer(self) -> None:
        hub, path = self.server, unquote(urlsplit(self.path).path).strip("/")
        hub.asked.append(f"{self.command} /{path}")
        parts = path.removeprefix("datasets/").split("/")
        if parts == ["api", "models"]:
            return self.search()
        if parts[:2] == ["api", "models"]:
            name, rest = "/".join(parts[2:4]), parts[4:]
            revision = rest[1] if rest[:1] in (["revision"], ["tree"]) else "main"
        else:
            name, rest = "/".join(parts[:2]), parts[2:]
            revision = rest[1] if rest[:1] == ["resolve"] else "main"
        if name not in hub.repositories:
            return self.refuse(404, "RepoNotFound")
        if revision not in ("main", COMMIT):
            return self.refuse(404, "RevisionNotFound")
        if name in hub.gated and self.headers.get("Authorization") != "Bearer right":
            return self.refuse(403 if self.headers.get("Authorization") else 401, "GatedRepo")
        if parts[0] == "api":
            return self.send_json(self.tree(name) if rest[:1] == ["tree"] else self.info(name))
        return self.send_file(hub.repositories[name] / "/".join(rest[2:]))

    def search(self) -> None:
        """What the hub's own search says, for names that hold the words; slow or broken where the hub is."""
        hub, asked = self.server, parse_qs(urlsplit(self.path).query)
        hub.searched.append((asked, self.headers.get("Authorization")))
        time.sleep(hub.thinks)
        if hub.search_broken:
            return self.refuse(hub.search_broken, "Broken")
        words = asked["search"][0].lower()
        names = [name for name in hub.repositories if words in name.lower()]
        self.send_json([self.found(name) for name in names[: int(asked["limit"][0])]])
        return None

    def found(self, name: str) -> dict[str, object]:
        folder = self.server.repositories[name]
        content: dict[str, object] = {"id": name, "tags": ["safetensors", "license:apache-2.0"], "private": False}
        content["gated"] = "manual" if name in self.server.gated else False
        content["config"] = {"model_type": json.loads((folder / "config.json").read_text())["model_type"]}
        if name in self.server.parameters:
            total = self.server.parameters[name]
            content["safetensors"] = {"parameters": {"BF16": total}, "total": total}
        return content

    def info(self, name: str) -> dict[str, object]:
        files = sorted(p for p in self.server.repositories[name].iterdir() if p.is_file())
        content: dict[str, object] = {
            "id": name,
            "modelId": name,
            "sha": COMMIT,
            "private": False,
            "tags": [],
            "siblings": [{"rfilename": f.name, "size": f.stat().st_size} for f in files],
        }
        if name in self.server.parameters:
            total = self.server.parameters[name]
            content["safetensors"] = {"parameters": {"BF16": total}, "total": total}
        return content

    def tree(self, name: str) -> list[dict[str, object]]:
        files = sorted(p for p in self.server.repositories[name].iterdir() if p.is_file())
        return [
            {"type": "file", "path": f.name, "size": f.stat().st_size, "oid": hashlib.sha1(f.read_bytes()).hexdigest()}
            for f in files
        ]

    def send_json(self, content: object) -> None:
        data = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def send_file(self, file: Path) -> None:
        if not file.is_file():
            return self.refuse(404, "EntryNotFound")
        data = file.read_bytes()
        self.send_response(200)
        self.send_header("ETag", f'"{hashlib.sha1(data).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Accept-Ranges", "none")
        self.end_headers()
        if self.command == "GET":
            self.send_slowly(data[:100] if file.name in self.server.broken else data)
        return None

    def send_slowly(self, data: bytes) -> None:
        if not self.server.pause:
            self.wfile.write(data)
            return
        size = len(data) // 20 + 1
        for start in range(0, len(data), size):
            time.sleep(self.server.pause)
            with suppress(ConnectionError):  # whoever asked was killed
                self.wfile.write(data[start : start + size])

    def refuse(self, status: int, code: str) -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("X-Error-Message", code)
        self.send_header("Content-Length", "0")
        self.end_headers()


@contextmanager
def running_hub() -> Iterator[Hub]:
    """A hub for the length of the block."""
    hub = Hub()
    thread = threading.Thread(target=hub.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        hub.server_close()
        thread.join()
