"""A real S3-speaking server on 127.0.0.1 (localbucket, from PyPI), and a gate before it that is slow, down or shut."""

import http.client
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

BUCKET = "results"
KEYS = {"AWS_ACCESS_KEY_ID": "anyone", "AWS_SECRET_ACCESS_KEY": "anything", "AWS_REGION": "us-east-1"}
URL = f"s3://{BUCKET}/golden"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def server(folder: Path) -> Iterator[int]:
    """The port of a server with an empty bucket, whose objects are files below the folder."""
    (folder / BUCKET).mkdir(parents=True)
    port = free_port()
    command = [sys.executable, "-m", "localbucket", "--port", str(port), str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(port)
        yield port
    finally:
        process.kill()
        process.wait()


def _wait(port: int) -> None:
    for _ in range(600):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
            return
        time.sleep(0.05)
    raise AssertionError("the server did not start")


class Gate:
    """A proxy before a server. `seconds` that every answer waits, and `status` in place of an answer (0: none)."""

    def __init__(self, to: int) -> None:
        self.to, self.seconds, self.status = to, 0.0, 0
        self.asked: list[str] = []  # method and path of each request
        gate = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                return

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                gate.asked.append(f"{self.command} {self.path}")
                time.sleep(gate.seconds)
                status, headers, data = gate.status, [("Content-Type", "text/plain")], b"shut"
                if not status:
                    far = http.client.HTTPConnection("127.0.0.1", gate.to, timeout=30)
                    far.request(self.command, self.path, body, {k: v for k, v in self.headers.items() if k != "Host"})
                    found = far.getresponse()
                    status, headers, data = found.status, found.getheaders(), found.read()
                    far.close()
                self.send_response(status)
                for name, value in headers:
                    if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_PUT = do_DELETE = do_HEAD = do_POST = answer  # noqa: N815

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def surroundings(port: int) -> dict[str, str]:
    """The environment of a process that keeps its store in the bucket."""
    return {**KEYS, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "GOLDENLAYERS_STORE": URL}
