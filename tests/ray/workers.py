"""Workers for clusters in tests: what they do leaves files in a folder, so that it can be counted."""

import os
import resource
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from goldenlayers_core.errors import ConfigError
from goldenlayers_core.runtime import Progress

CHUNK = 2**30


class Plodding:
    """Each piece takes some time and leaves a file; one that is there is not done again."""

    def __init__(self, what: Mapping[str, Any], threads: int) -> None:
        self.folder, self.seconds = Path(what["folder"]), float(what["seconds"])
        (self.folder / f"opened-{os.getpid()}").write_text(str(threads))

    def do(self, content: Any, progress: Progress) -> int:
        done = self.folder / f"done-{content}"
        if done.exists():
            return 0
        begun = self.folder / f"begun-{os.getpid()}"
        begun.write_text(str(content))
        begun.replace(self.folder / f"at-{os.getpid()}")  # whole, whenever it is read
        for step in range(10):
            progress.update(step, 10, "Plodding")
            time.sleep(self.seconds / 10)
        done.write_text(str(os.getpid()))
        return 1


class Deadly(Plodding):
    """Piece 2 ends its process, every time."""

    def do(self, content: Any, progress: Progress) -> int:
        if content == 2:
            os._exit(1)
        return super().do(content, progress)


class Hungry(Plodding):
    """Piece 1 wants more memory than its process may have, the first time."""

    def do(self, content: Any, progress: Progress) -> int:
        mark = self.folder / "was-hungry"
        if content == 1 and not mark.exists():
            mark.touch()
            used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
            resource.setrlimit(resource.RLIMIT_AS, (used + CHUNK // 4, resource.RLIM_INFINITY))
            bytearray(CHUNK)
        return super().do(content, progress)


class Uneven(Plodding):
    """The worker that comes first takes a minute for a piece."""

    def __init__(self, what: Mapping[str, Any], threads: int) -> None:
        super().__init__(what, threads)
        try:
            (self.folder / "first").touch(exist_ok=False)
            self.seconds = 60.0
        except FileExistsError:
            pass


class Choosy:
    """Does nothing anywhere."""

    def __init__(self, what: Mapping[str, Any], threads: int) -> None:
        raise ConfigError("This worker has other weights; give it the same.")
