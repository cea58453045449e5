"""Where things are on this machine. Imports nothing of ours."""

import os
from contextlib import suppress
from pathlib import Path, PurePosixPath, PureWindowsPath

import filelock
import platformdirs


def cache_root() -> Path:
    """The folder of everything kept: `GOLDENLAYERS_CACHE`, else the platform's user cache folder. Not created here."""
    named = os.environ.get("GOLDENLAYERS_CACHE", "").strip()
    return Path(named).expanduser() if named else Path(platformdirs.user_cache_dir("goldenlayers", appauthor=False))


def shared_location() -> str:
    """Where the store is besides, for others to reach it: `GOLDENLAYERS_STORE`, as s3://bucket/prefix; "": nowhere."""
    return os.environ.get("GOLDENLAYERS_STORE", "").strip()


def assets_folder() -> Path:
    """The project's `assets/`."""
    return Path(__file__).resolve().parent.parent / "assets"


def is_path(name: str) -> bool:
    """Whether a model's or dataset's name is a folder or file of a machine, and not a name that means the same
    everywhere."""
    absolute = PurePosixPath(name).is_absolute() or PureWindowsPath(name).is_absolute()
    dotted = name.startswith((".", "~")) or "\\" in name or name.count("/") > 1
    return absolute or dotted or name.lower().endswith((".gguf", ".csv", ".tsv", ".json", ".jsonl", ".parquet"))


def last_part(path: str) -> str:
    """What a folder or file is called, whichever system its path is of."""
    return PureWindowsPath(path).name or path


def clear_leftovers(repository: str, kind: str) -> None:
    """Remove what killed downloads of a hub repository ("model" or "dataset") left of single files.

    The hub's client writes each under another name every time and never comes back to it; while it writes it holds the
    file's lock, so that what another process is at stays.
    """
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    cache, name = Path(constants.HF_HUB_CACHE), repo_folder_name(repo_id=repository, repo_type=kind)
    for left in (cache / name / "blobs").glob("*.incomplete"):
        lock = filelock.FileLock(cache / ".locks" / name / f"{left.name.split('.')[0]}.lock", timeout=0)
        with suppress(filelock.Timeout, OSError), lock:
            left.unlink(missing_ok=True)
