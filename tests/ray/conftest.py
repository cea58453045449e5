"""A real Ray cluster on this machine for the tests: a head and two nodes of one CPU, each with processes of its own."""

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from goldenlayers_core.runtime.engines import Crew, OnRay, Outcome, Piece, Resources, cluster
from goldenlayers_core.runtime.engines.surroundings import token_file
from goldenlayers_core.runtime.progress import Progress


class Ground:
    """A cluster that can be broken and mended."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.token = token_file()
        # the token that this cluster began with, whichever cache folder a test has
        self.base = {**os.environ, "RAY_TMPDIR": str(folder), "RAY_AUTH_TOKEN_PATH": str(self.token)}
        self.nodes: list[cluster.Node] = []
        try:
            self.mend()
        except BaseException:
            self.break_up()
            raise

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def mend(self, base: dict[str, str] | None = None) -> None:
        """See to it that the head and two nodes are there; `base`: the surroundings of the last."""
        if not self.nodes or not self.nodes[0].runs:
            self.break_up()
            self.nodes = [cluster.joined(0, 0, self.address, self.base)]
        self.nodes = [node for node in self.nodes if node.runs]
        names = {node.name for node in self.nodes}
        for n in (1, 2):
            if f"node-{n}" not in names:
                more = (base or {}) if n == 2 else {}
                self.nodes.append(cluster.joined(n, 1, self.address, {**self.base, **more}))

    def break_node(self, name: str) -> None:
        """head, node-1 or node-2."""
        cluster.stop(next(node for node in self.nodes if node.name == name and node.runs), patience=0)

    def break_up(self) -> None:
        for node in reversed(self.nodes):
            cluster.stop(node, patience=0)

    def family(self) -> list[psutil.Process]:
        """Every process of the nodes."""
        found = list[psutil.Process]()
        for node in self.nodes:
            with suppress(psutil.NoSuchProcess):
                holder = psutil.Process(node.pid)
                found += [holder, *holder.children(recursive=True)]
        return found

    def engine(self, **more: int) -> OnRay:
        return OnRay(self.address, Resources(**{"workers": 2, **more}))

    def run(
        self, worker: str, n_pieces: int, folder: Path, seconds: float = 0.3, progress: Progress | None = None
    ) -> Outcome:
        """`n_pieces` pieces by a worker of `tests.ray.workers`."""
        what = {"folder": str(folder), "seconds": seconds}
        crew = Crew(f"tests.ray.workers:{worker}", what, tuple(Piece(i, 1.0) for i in range(n_pieces)), "Plodding")
        return self.engine().run(crew, progress or Progress())


@pytest.fixture(scope="session")
def shared_ground() -> Iterator[Ground]:
    folder = Path(tempfile.mkdtemp(prefix="gr", dir="/tmp"))  # sockets have short names
    made = Ground(folder)
    yield made
    made.break_up()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def ground(shared_ground: Ground) -> Ground:
    """The cluster, whole."""
    shared_ground.mend()
    return shared_ground
