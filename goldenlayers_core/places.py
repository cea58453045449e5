"""Where things are on this machine. Imports nothing of ours."""

import os
from pathlib import Path

import platformdirs


def cache_root() -> Path:
    """The folder of everything kept: `GOLDENLAYERS_CACHE`, else the platform's user cache folder. Not created here."""
    named = os.environ.get("GOLDENLAYERS_CACHE", "").strip()
    return Path(named).expanduser() if named else Path(platformdirs.user_cache_dir("goldenlayers", appauthor=False))


def assets_folder() -> Path:
    """The project's `assets/`."""
    return Path(__file__).resolve().parent.parent / "assets"
