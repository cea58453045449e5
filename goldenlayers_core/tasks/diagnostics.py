"""What helps to find a fault, as one zip: no request, no result, no token, no folder of a person."""

import dataclasses
import io
import json
import os
import re
import zipfile
from collections import Counter
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from goldenlayers_core import __version__
from goldenlayers_core.errors import ConfigError, GoldenLayersError
from goldenlayers_core.runtime import JobQueue, provenance, store_at
from goldenlayers_core.runtime.logs import last_lines
from goldenlayers_core.runtime.names import shown
from goldenlayers_core.tasks.health import QUEUES, look

LINES: Final = 500  # of the log
# Settings that may be told, by name: everything else of the environment stays where it is.
TOLD: Final = re.compile(r"(GOLDENLAYERS|STREAMLIT|OMP|MKL)_\w+|GOMP_SPINCOUNT|CUDA_VISIBLE_DEVICES|HF_HUB_OFFLINE")
SECRET: Final = re.compile(r"token|secret|key|password|cookie|auth|credential", re.IGNORECASE)
# Credentials and addresses that a log line may hold all the same
_HIDDEN: Final = (
    (re.compile(r"\b(hf_|sk-|ghp_|Bearer\s+)[\w.-]{8,}"), "(removed)"),
    (re.compile(r"://[^/\s:@\"]+:[^/\s@\"]+@"), "://(removed)@"),
    (re.compile(r"(?<![\w.~/])/(home|Users)/[^/\s\"':,]+"), "~"),
)


def write_diagnostics(root: Path, out: Path) -> list[str]:
    """Write the zip and return the names in it. Raises ConfigError where it cannot be written."""
    content = {
        "versions.json": _text(_versions()),
        "settings.json": _text(_settings()),
        "store.json": _text(_store(root)),
        "health.json": _text(dataclasses.asdict(look(root))),
        "log.jsonl": "".join(f"{line}\n" for line in last_lines(LINES)),
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in content.items():
            archive.writestr(name, hidden(text))
    try:
        out.expanduser().write_bytes(buffer.getvalue())
    except OSError as error:
        raise ConfigError(f"{out} cannot be written ({error.strerror}); name another file.") from error
    return list(content)


def hidden(text: str) -> str:
    """A text without what looks like a credential, and with ~ for a person's folder."""
    for folder in {str(Path.home()), os.path.realpath(Path.home())} - {"/"}:
        text = re.sub(rf"(?<![\w.]){re.escape(folder)}(?![\w.-])", "~", text)
    for pattern, instead in _HIDDEN:
        text = pattern.sub(instead, text)
    return text


def _versions() -> dict[str, Any]:
    packages = {entry.name: entry.version for entry in metadata.distributions()}
    return {"golden-layers": __version__, **provenance(), "packages": dict(sorted(packages.items()))}


def _settings() -> dict[str, str]:
    told = {name: value for name, value in os.environ.items() if TOLD.fullmatch(name)}
    if (where := "GOLDENLAYERS_STORE") in told:
        told[where] = shown(told[where])
    return {name: "(set)" if SECRET.search(name) else value for name, value in sorted(told.items())}


def _store(root: Path) -> dict[str, Any]:
    """Sizes and counts; of what was set aside its place in the store. No title, which may quote a request."""
    try:
        store = store_at(root)
        views = [job for queue in QUEUES for job in JobQueue(root / "jobs" / queue, {}).jobs()]
        return {
            "folder": store.where,
            "usage": [dataclasses.asdict(entry) for entry in store.usage()],
            "problems": [dataclasses.asdict(problem) for problem in store.problems()],
            "runs": dict(Counter(manifest.kind for manifest in store.runs())),
            "jobs": dict(Counter(f"{job.kind} {job.state}" for job in views)),
        }
    except GoldenLayersError as error:
        return {"folder": str(root), "error": str(error)}


def _text(content: Any) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
