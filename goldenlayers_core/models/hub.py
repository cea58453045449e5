"""Models by hub name: safetensors only, never anyone's code, one sentence for each thing that can go wrong."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import huggingface_hub
from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from tqdm import tqdm  # type: ignore[import-untyped]

from goldenlayers_core.errors import (
    GatedModelError,
    ModelError,
    ModelNotFoundError,
    ModelTooLargeError,
    UnsafeWeightsError,
)
from goldenlayers_core.models.drafts import REFUSED, refusal
from goldenlayers_core.models.telling import Tell
from goldenlayers_core.places import clear_leftovers

WANTED = ("*.json", "*.safetensors", "*.model", "*.txt", "*.jinja")
_TWICE = "consolidated"  # of Mistral's own layout: the same weights once more
_PICKLED = (".bin", ".pt", ".pth", ".ckpt")


def endpoint() -> str | None:
    """The hub that is configured; None: the public one."""
    return os.environ.get("HF_ENDPOINT") or None


def token() -> str | None:
    """The person's, from the environment: never stored, never shown."""
    return os.environ.get("HF_TOKEN") or os.environ.get("HUGGING_FACE_HUB_TOKEN") or None


def weight_files(names: list[str]) -> list[str]:
    """The safetensors among file names. Raises UnsafeWeightsError or ModelNotFoundError where there are none."""
    found = [n for n in names if n.endswith(".safetensors") and "/" not in n]
    found = [n for n in found if not n.startswith(_TWICE)] or found
    if found:
        return found
    if any(n.endswith(_PICKLED) for n in names):
        raise UnsafeWeightsError(
            "Only pickled weights (.bin, .pt) were found, which can run code when they are read and are refused; "
            "choose a revision or a model with .safetensors files."
        )
    raise ModelNotFoundError("No .safetensors weights were found; choose a model that has them.")


def _bar(progress: Tell, name: str) -> type[Any]:
    """What the hub's client takes for a progress bar: it draws nothing, and tells how much has arrived."""

    class Bar(tqdm):  # type: ignore[misc]
        def __init__(self, *arguments: Any, **settings: Any) -> None:
            self.bytes_arrived = str(settings.get("desc", "")).startswith("Reconstructing")
            super().__init__(*arguments, **{**settings, "disable": True})

        def update(self, n: float | None = 1) -> None:
            self.n += n or 0
            if self.bytes_arrived:
                done, total = int(self.n) >> 20, int(self.total or 0) >> 20
                progress(min(done, total), total, f"Downloading {name}, MiB")

    return Bar


def _told(name: str, revision: str | None) -> Any:
    """What the hub says of a repository, or the error where it cannot be reached. Raises a ModelError for the rest."""
    try:
        return HfApi(endpoint=endpoint(), token=token()).model_info(
            name, revision=revision, timeout=15, files_metadata=True
        )
    except GatedRepoError as error:
        raise GatedModelError(_gated(name)) from error
    except RevisionNotFoundError as error:
        raise ModelNotFoundError(f"{name} has no revision {revision!r}; give a branch, tag or commit of it.") from error
    except RepositoryNotFoundError as error:
        raise ModelNotFoundError(_unknown(name)) from error
    except HFValidationError as error:
        raise ModelNotFoundError(
            f"{name!r} is neither a folder, a GGUF file nor a hub name; write `bundled`, a path, or `owner/name`."
        ) from error
    except (OfflineModeIsEnabled, httpx2.HTTPError, HfHubHTTPError, OSError) as error:
        return error


@dataclass(frozen=True, slots=True)
class Described:
    """A hub repository without its weights."""

    folder: Path  # with config.json
    licence: str  # as its card states it; "": it does not
    n_bytes: int  # of the weights that are not here yet


def describe(name: str, revision: str | None = None) -> Described:
    """The papers of a hub repository: fetched, a few kB, or from the hub's cache where the hub cannot be reached.

    Raises what `download` raises, before anything large.
    """
    info = _told(name, revision)
    if isinstance(info, Exception):
        return Described(_kept(name, revision, info), "", 0)
    wanted = set(weight_files([s.rfilename for s in info.siblings or []]))
    folder = _snapshot(name, revision, ["config.json", "README.md", "LICENSE*"])
    missing = [s for s in info.siblings or [] if s.rfilename in wanted and not (folder / s.rfilename).exists()]
    licence = getattr(info.card_data, "license", "") or ""
    return Described(folder, str(licence), sum(int(s.size or 0) for s in missing))


def download(
    name: str,
    revision: str | None = None,
    check: Callable[[int], None] | None = None,
    progress: Tell | None = None,
) -> Path:
    """Local folder with the files of a hub repository; from the hub's cache when they are there.

    `check(number of parameters)` is called before anything large is fetched, where the hub tells the number; it may
    raise. `progress(MiB arrived, MiB in all, note)` is called while files come in, and may raise to cancel: what
    arrived is kept.

    Raises ModelNotFoundError (unknown name or revision, no network), GatedModelError, UnsafeWeightsError,
    ModelTooLargeError (the disk is too small).
    """
    info = _told(name, revision)
    if isinstance(info, Exception):
        return _from_cache(name, revision, info)
    wanted = weight_files([s.rfilename for s in info.siblings or []])
    if check and info.safetensors is not None:
        check(int(info.safetensors.total))
    _check_disk(name, sum(int(s.size or 0) for s in info.siblings if s.rfilename in wanted))
    twice = any(s.rfilename.startswith(_TWICE) and s.rfilename not in wanted for s in info.siblings or [])
    return _fetched(name, revision, progress, [f"{_TWICE}*"] if twice else None)


def _fetched(name: str, revision: str | None, progress: Tell | None, ignored: list[str] | None) -> Path:
    clear_leftovers(name, "model")
    return _snapshot(name, revision, list(WANTED), ignored, _bar(progress, name) if progress else None)


def _snapshot(
    name: str,
    revision: str | None,
    wanted: list[str],
    ignored: list[str] | None = None,
    bar: type[Any] | None = None,
) -> Path:
    """The folder with some files of a repository. Raises a ModelError where they do not come."""
    try:
        return Path(
            snapshot_download(
                name,
                revision=revision,
                allow_patterns=wanted,
                ignore_patterns=ignored,
                token=token(),
                endpoint=endpoint(),
                tqdm_class=bar,
            )
        )
    except GatedRepoError as error:
        raise GatedModelError(_gated(name)) from error
    except (httpx2.HTTPError, HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        if (refused := disk_refusal(error)) is not None:
            raise ModelError(f"The download of {name} could not be kept: {refused}") from error
        raise ModelError(
            f"The download of {name} broke off ({type(error).__name__}); what arrived is kept, so try again to go on."
        ) from error


def disk_refusal(error: BaseException | None) -> str | None:
    """Why the hub's cache did not take a file, where that is what an error, or what it came of, is about."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in REFUSED:
            home = Path(huggingface_hub.constants.HF_HUB_CACHE)
            return refusal(error, home, "set HF_HOME to a folder elsewhere")
        error = error.__cause__ or error.__context__
    return None


def _check_disk(name: str, n_bytes: int) -> None:
    home = Path(huggingface_hub.constants.HF_HUB_CACHE)
    there = next(folder for folder in (home, *home.parents) if folder.exists())
    free = shutil.disk_usage(there).free
    if n_bytes > free:
        raise ModelTooLargeError(
            f"{name} is {n_bytes / 2**30:.1f} GiB to download and {free / 2**30:.1f} GiB are free in {there}; free "
            "some disk space, or set HF_HOME to a larger disk."
        )


def _from_cache(name: str, revision: str | None, error: Exception) -> Path:
    folder = _kept(name, revision, error)
    weight_files([f.name for f in folder.iterdir()])
    return folder


def _kept(name: str, revision: str | None, error: Exception) -> Path:
    """What the hub's cache holds of a repository."""
    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=list(WANTED), local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError, OSError) as missing:
        raise ModelNotFoundError(
            f"{name} is not on this machine and the model hub cannot be reached ({type(error).__name__}); "
            "check the network, or choose `bundled` or a local folder."
        ) from missing


def _gated(name: str) -> str:
    return (
        f"{name} is gated: ask for access on its hub page, then set the environment variable HF_TOKEN to a token of "
        "yours and start again."
    )


def _unknown(name: str) -> str:
    return f"The hub has no model {name!r} that you may see; check the spelling, or set HF_TOKEN if it is private."
