"""What has to happen before the interpreter is taken down: a thread that is inside of torch by then aborts the process
(`terminate called`), whatever it was about to write."""

import atexit
import threading
import weakref
from collections.abc import Callable

from goldenlayers_core.errors import ConfigError


def at_exit(method: Callable[[], object]) -> None:
    """Call a bound method when the program ends, if its object is still there; what was registered last comes first."""

    def run() -> None:
        if (still := known()) is not None:
            still()

    known = weakref.WeakMethod(method, lambda _gone: atexit.unregister(run))
    atexit.register(run)


class Door:
    """Around work of threads that are not ours to stop, as a web server's: the end of the program waits for those who
    are inside, and lets nobody in."""

    def __init__(self, timeout: float) -> None:
        """`timeout`: seconds that the end waits."""
        self._timeout = timeout
        self._changed = threading.Condition()
        self._inside = 0
        self._closed = False
        at_exit(self.close)

    def __enter__(self) -> None:
        """Raises ConfigError once it is closed."""
        with self._changed:
            if self._closed:
                raise ConfigError("The program is being stopped; ask again when it is running again.")
            self._inside += 1

    def __exit__(self, *_raised: object) -> None:
        with self._changed:
            self._inside -= 1
            self._changed.notify_all()

    def close(self) -> bool:
        """Whether everybody left in time."""
        with self._changed:
            self._closed = True
            return self._changed.wait_for(lambda: not self._inside, self._timeout)
