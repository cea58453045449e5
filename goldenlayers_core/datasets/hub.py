"""One file of a dataset repository on the Hugging Face hub, fetched once and kept in the hub's own cache."""

import errno
import os
import socket
import urllib.parse
import urllib.request
from pathlib import Path

from goldenlayers_core.datasets.table import check_size
from goldenlayers_core.errors import DatasetError
from goldenlayers_core.places import clear_leftovers

_PATIENCE = 5.0  # seconds to wait for the first sign of the hub


def fetch(repository: str, filename: str, revision: str) -> bytes:
    """The content of a hub file, from the cache if it is there. The hub is HF_ENDPOINT, else huggingface.co.

    Raises DatasetError with one sentence: no connection, no such repository or file, no access, or too large.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
    try:
        try:
            path = hf_hub_download(repository, filename, repo_type="dataset", revision=revision, local_files_only=True)
        except LocalEntryNotFoundError:
            if not _reachable(endpoint):  # the hub's client would retry for half a minute
                raise
            clear_leftovers(repository, "dataset")
            path = hf_hub_download(repository, filename, repo_type="dataset", revision=revision, endpoint=endpoint)
        check_size(Path(path).stat().st_size, filename)
        return Path(path).read_bytes()
    except DatasetError:
        raise
    except Exception as error:  # the client lets its transport's errors through, whatever their class
        raise DatasetError(_reason(error, f"{repository}/{filename}", endpoint)) from error


def _reachable(endpoint: str) -> bool:
    """Whether something listens there; taken for granted behind a proxy."""
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
        return False
    address = urllib.parse.urlsplit(endpoint)
    if urllib.request.getproxies().get(address.scheme) and not urllib.request.proxy_bypass(address.hostname or ""):
        return True
    try:
        port = address.port or (80 if address.scheme == "http" else 443)
        with socket.create_connection((address.hostname or "", port), timeout=_PATIENCE):
            return True
    except (OSError, ValueError):
        return False


def _reason(error: Exception, file: str, endpoint: str) -> str:
    from huggingface_hub import errors
    from huggingface_hub.constants import HF_HUB_CACHE

    numbers = {cause.errno for cause in (error, error.__cause__, error.__context__) if isinstance(cause, OSError)}
    other = "or set HF_HOME to a folder elsewhere."
    if numbers & {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return f"{file} could not be kept: the disk of {HF_HUB_CACHE} is full; free some space, {other}"
    if numbers & {errno.EACCES, errno.EPERM, errno.EROFS}:
        return f"{file} could not be kept in {HF_HUB_CACHE}: permission denied; change its permissions, {other}"
    if isinstance(error, errors.GatedRepoError):
        return f"{file} asks for access; accept its terms on {endpoint}, then set HF_TOKEN to your token."
    if isinstance(error.__cause__, errors.HfHubHTTPError):
        status = error.__cause__.response.status_code
        return f"{endpoint} answered with an error ({status}) for {file}; try again later, or choose another dataset."
    if isinstance(error, errors.LocalEntryNotFoundError | errors.OfflineModeIsEnabled):
        return (
            f"{file} is not in the cache and {endpoint} cannot be reached; connect to the internet, "
            "or choose the bundled dataset or a file."
        )
    if isinstance(error, errors.RepositoryNotFoundError):
        return f"{file} is not on {endpoint}, or is private; check HF_TOKEN, or choose another dataset."
    if isinstance(error, errors.EntryNotFoundError | errors.RevisionNotFoundError):
        return f"{file} is not on {endpoint} in the version we know; download the dataset yourself and give the file."
    return f"{file} could not be fetched from {endpoint} ({type(error).__name__}); try again, or choose a file."
