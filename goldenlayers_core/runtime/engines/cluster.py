"""A Ray cluster on this machine, in one call: a head and as many nodes as are asked for. Only what was started here is
stopped here."""

import json
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import psutil

from goldenlayers_core.errors import ConfigError, EngineError
from goldenlayers_core.runtime import atomic
from goldenlayers_core.runtime.engines.surroundings import (
    HERE,
    PORT,
    STORE_BYTES,
    check_ray,
    cluster_folder,
    ray_command,
    surroundings,
)
from goldenlayers_core.runtime.locks import locked

_PATIENCE: Final = 180.0  # seconds until a node has joined
_STOPPING: Final = 4.0  # seconds; a node that is told to end would wait for half a minute
_LOOK: Final = 0.3


@dataclass(frozen=True, slots=True)
class Node:
    """A process of Ray's that holds a node; what else the node needs are its children."""

    name: str  # head, node-1, ...
    pid: int
    began: float  # when, so that another process of the same number is not taken for it
    cpus: int
    log: str

    @property
    def runs(self) -> bool:
        """Whether it is there still."""
        return _process(self) is not None


@dataclass(frozen=True, slots=True)
class Cluster:
    """What was started here."""

    address: str  # host:port, of the head
    nodes: tuple[Node, ...]


def up(
    nodes: int = 1, cpus: int = 1, host: str = HERE, port: int = PORT, base: Mapping[str, str] | None = None
) -> Cluster:
    """A head that does no work, and `nodes` nodes of `cpus` CPUs each. Raises ConfigError where one runs already,
    EngineError where a node does not come up."""
    check_ray()
    if nodes < 1 or cpus < 1 or not 0 < port < 65536:
        raise ConfigError(f"{nodes} nodes of {cpus} CPUs at port {port} were asked for; give 1 or more of each.")
    with locked(cluster_folder() / "lock", _PATIENCE):
        there = found()
        if there and any(node.runs for node in there.nodes):
            raise ConfigError(f"A cluster runs at {there.address} already; stop it with `cluster down` first.")
        address, started = f"{host}:{port}", list[Node]()
        try:
            for number in range(nodes + 1):
                # one after the other: each takes the first names of sockets that are free
                started.append(joined(number, cpus, address, base))
                _keep(Cluster(address, tuple(started)))
        except BaseException:
            for node in started:
                stop(node)
            raise
    return Cluster(address, tuple(started))


def start(number: int, cpus: int, address: str, base: Mapping[str, str] | None = None, *more: str) -> Node:
    """Start the head (number 0) or a node of a cluster. It is not waited for."""
    host, _, port = address.partition(":")
    name = f"node-{number}" if number else "head"
    where = ["--address", address] if number else ["--head", "--port", port, "--include-dashboard", "false"]
    log = cluster_folder() / f"{name}.log"
    atomic.make_folder(log.parent)
    with log.open("wb") as written:
        process = subprocess.Popen(  # nosec B603  # Ray's own program, by this Python, no shell
            [
                *ray_command(),
                "start",
                *where,
                *("--node-ip-address", host),
                *("--num-cpus", str(cpus if number else 0)),
                *("--object-store-memory", str(STORE_BYTES)),
                *("--include-log-monitor", "false"),  # nobody reads the workers' output as it comes
                "--disable-usage-stats",
                "--block",
                *more,
            ],
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=subprocess.STDOUT,
            env=surroundings(base),
            start_new_session=True,
        )
    process.returncode = 0  # it outlives this program, and nobody waits for it
    return Node(name, process.pid, psutil.Process(process.pid).create_time(), cpus if number else 0, str(log))


def joined(number: int, cpus: int, address: str, base: Mapping[str, str] | None = None) -> Node:
    """A node that has joined; one that does not is started once more. Raises EngineError where that does not help."""
    for last in (False, True):
        node = start(number, cpus, address, base)
        try:
            wait(node)
            return node
        except BaseException as error:
            stop(node, patience=0)
            if last or not isinstance(error, EngineError):
                raise
    raise AssertionError


def wait(node: Node) -> None:
    """Until it has joined. Raises EngineError where it does not."""
    limit = time.monotonic() + _PATIENCE
    while "Ray runtime started" not in _text(node):
        if not node.runs or time.monotonic() > limit:
            lines = [line.strip() for line in _text(node).splitlines() if line.strip()]
            raise EngineError(
                f"The {node.name} of the cluster did not start ({lines[-1][:200] if lines else 'it said nothing'}); "
                f"see {node.log}."
            )
        time.sleep(_LOOK)


def _text(node: Node) -> str:
    return Path(node.log).read_text(encoding="utf-8", errors="replace")


def _file() -> Path:
    return cluster_folder() / "cluster.json"


def _keep(cluster: Cluster) -> None:
    atomic.write_bytes(_file(), json.dumps(asdict(cluster)).encode())


def found() -> Cluster | None:
    """What was started here and not stopped since; its processes may be gone."""
    try:
        content = json.loads(atomic.read_bytes(_file()))
        return Cluster(str(content["address"]), tuple(Node(**node) for node in content["nodes"]))
    except FileNotFoundError:
        return None
    except (KeyError, TypeError, ValueError) as reason:
        atomic.set_aside(_file(), reason)
        return None


def started_here() -> str:
    """The address of the cluster that was started here, if it runs; else "auto", by which Ray looks for others."""
    there = found()
    return there.address if there and there.nodes and there.nodes[0].runs else "auto"


def down() -> Cluster | None:
    """Stop what was started here; what it was, or None where nothing was."""
    with locked(cluster_folder() / "lock", _PATIENCE):
        there = found()
        if there is None:
            return None
        for node in reversed(there.nodes):
            stop(node)
        _file().unlink(missing_ok=True)
    return there


def stop(node: Node, patience: float = _STOPPING) -> None:
    """End a node with everything that belongs to it; at once where `patience` is 0."""
    process = _process(node)
    if process is None:
        return
    family = [process, *_children(process)]
    for one in family:
        _signal(one, kill=patience <= 0)
    for one in psutil.wait_procs(family, patience)[1]:
        _signal(one, kill=True)
    psutil.wait_procs(family, _STOPPING)


def _signal(process: psutil.Process, kill: bool) -> None:
    with suppress(psutil.Error):  # gone by itself
        process.kill() if kill else process.terminate()


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def _process(node: Node) -> psutil.Process | None:
    try:
        process = psutil.Process(node.pid)
        same = abs(process.create_time() - node.began) < 1 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return None
    return process if same else None
