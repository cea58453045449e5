"""A plan's worker that is killed at work."""

import os
import signal
from pathlib import Path
from typing import Any, Final

from goldenlayers_core.places import cache_root
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks.crew import PlanWorker

_MIDDLE: Final = 20  # signs of life; a piece of the tests' sweeps gives 30 or more


class ShotOnce(PlanWorker):
    """The first of them that is in the middle of a piece is killed there; those after it are left alone."""

    def do(self, content: Any, progress: Progress) -> int:
        signs = 0

        def asked() -> bool:
            nonlocal signs
            signs += 1
            if signs == _MIDDLE:
                shoot()
            progress.check()
            return False

        return super().do(content, Progress(progress.update, asked))


def shot() -> Path:
    """Who was killed."""
    return cache_root() / "shot"


def shoot() -> None:
    """Ends this process at once, unless one was killed before."""
    try:
        with shot().open("x") as file:
            file.write(str(os.getpid()))
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)
