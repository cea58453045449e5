"""The environment of everything that runs Ray for us: its nodes, and the process that talks to a cluster.

Ray reads it when it is imported, so it is given to new processes and never set in our own.
"""

import os
import secrets
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from goldenlayers_core.errors import ConfigError
from goldenlayers_core.places import cache_root
from goldenlayers_core.runtime import atomic

HERE: Final = "127.0.0.1"
PORT: Final = 6379
STORE_BYTES: Final = 100 * 2**20  # of Ray's own object store: nothing large goes through it
_TOKEN_NAMES: Final = ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")
_MISSING: Final = "Ray is not installed; run `make ray`, or leave out --engine ray."


def ray_is_here() -> bool:
    """Whether Ray can be imported; it is not imported."""
    return find_spec("ray") is not None


def check_ray() -> None:
    """Raises ConfigError where it cannot."""
    if not ray_is_here():
        raise ConfigError(_MISSING)


def surroundings(base: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for a process that imports Ray: nothing is sent out, nobody without the token is let in."""
    given = dict(os.environ if base is None else base)
    root = str(Path(__file__).resolve().parents[3])
    path = [entry for entry in given.get("PYTHONPATH", "").split(os.pathsep) if entry]
    ours = any((Path(entry) / "goldenlayers_core").is_dir() for entry in path)
    given["PYTHONPATH"] = os.pathsep.join(path if ours else [root, *path])
    given |= {
        "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # where no GPU is asked for, none is hidden
        "OMP_WAIT_POLICY": "PASSIVE",
        "GOLDENLAYERS_CACHE": str(cache_root().absolute()),
    }
    if given.setdefault("RAY_AUTH_MODE", "token") == "token" and not any(given.get(name) for name in _TOKEN_NAMES):
        given["RAY_AUTH_TOKEN_PATH"] = str(token_file())
    return given


def token_file() -> Path:
    """The file of the token that lets a process into our clusters; made on the first call, for this user alone."""
    path = cluster_folder() / "token"
    if not path.is_file():
        atomic.make_folder(path.parent)
        with atomic.disk_errors(path, "written"), atomic.replacing(path) as temporary:
            temporary.chmod(0o600)
            temporary.write_text(secrets.token_hex(32), encoding="ascii")
    return path


def cluster_folder() -> Path:
    """Where the token is, and what is known of a cluster that was started here."""
    return cache_root().absolute() / "cluster"


def ray_command() -> list[str]:
    """How Ray's own program is called, by this Python."""
    return [sys.executable, "-m", "goldenlayers_core.runtime.engines.ray_program"]
