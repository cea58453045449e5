"""Converted models for a test's own cache folder."""

import os
import shutil
from pathlib import Path

from goldenlayers_core.places import cache_root


def copy_model(to: Path, name: str) -> None:
    """A copy of one of them, by the end of its folder's name, to be changed; nothing where it was not converted."""
    for complete in cache_root().glob(f"models/*{name}/complete"):
        shutil.copytree(complete.parent, to / "models" / complete.parent.name)


def lend_models(to: Path, cache: Path | None = None) -> Path:
    """Hard links to the models `make prepare` converted: seconds saved, and clearing `to` harms nothing."""
    for complete in (cache or cache_root()).glob("models/*/complete"):
        folder = to / "models" / complete.parent.name
        try:
            shutil.copytree(complete.parent, folder, copy_function=os.link)
        except (shutil.Error, OSError):  # another file system
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(complete.parent, folder)
    return to
