"""A bucket on 127.0.0.1 for the tests that talk to one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runtime.buckets import BUCKET, KEYS, Gate, server


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """The port of a server, and the folder in which the bucket's objects are files."""
    folder = tmp_path_factory.mktemp("buckets")
    with server(folder) as port:
        yield port, folder / BUCKET


@pytest.fixture
def gate(bucket: tuple[int, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """The way to the bucket, which this process's environment names."""
    found = Gate(bucket[0])
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{found.port}")
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    yield found
    found.close()
