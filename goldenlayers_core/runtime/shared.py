"""A store on a location that other machines reach, too (GOLDENLAYERS_STORE), with a copy of what was read on this disk.

    tables/<table>/<key>/<shard>.parquet    as on a disk: written once, under a name that carries its digest
    runs/<run_id>/<content>/...             a run's frames and texts: written once, under a name of their own
    manifests/<run_id>/<n>                  what changes: one object per change, the highest number counts (`versions`)
    objects/<kind>/<name>.json/<n>
    desks/<desk>/<name>.json/<n>
    store.json                              the version of this layout, and a name that tells one location from another

Below this place's own folder lie the outbox (`outbox`) and copies under the same names, which may be deleted any time.

- Reading asks the location which objects there are, and fetches those that are not here. Where it stays away, a process
  goes on from what it was told before and has here; what it was never told it does not guess: AwayError.
- Writing goes into the outbox first, and from there to the location. Where it stays away writing succeeds all the same:
  what waits is sent with the next contact, also by another process on this cache when its writer is gone.
- No lock is held between machines. Jobs, their claims and who is present stay each server's own, on its own disk.
"""

import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from goldenlayers_core.errors import StoreError
from goldenlayers_core.runtime import atomic
from goldenlayers_core.runtime.here import MANIFEST, Here
from goldenlayers_core.runtime.layout import check_layout, is_once, is_there, name_of
from goldenlayers_core.runtime.locations import Location
from goldenlayers_core.runtime.outbox import Outbox
from goldenlayers_core.runtime.post import Post
from goldenlayers_core.runtime.progress import tell
from goldenlayers_core.runtime.reaching import PATIENCE, AwayError, Patience, Reached
from goldenlayers_core.runtime.versions import Version, Versions, key_of

_AT_ONCE: Final = 8  # objects fetched at the same time
_ATTEMPTS: Final = 50
_FETCHED: Final = 2  # times that something is fetched before it is called damaged


class Shared(Here):
    """Bytes at a location, and copies of them below `root`. Thread-safe; several processes may have one root."""

    kept = "what was computed is kept in {} and sent when it answers"

    def __init__(self, root: Path, location: Location, patience: Patience = PATIENCE) -> None:
        super().__init__(root)
        self.words, self.steady = location.name, location.steady
        self._outbox = Outbox(root / "outbox", root / ".locks" / "senders")
        self.far = Reached(location, self.kept.format(root / "outbox"), patience)
        self._known = Versions(self.far)
        self._post = Post(root, self._outbox, self.far, self._known)
        self._bad: Counter[str] = Counter()  # objects that could not be understood, and how often they were fetched
        self._listed: dict[str, set[str]] = {}  # of tables, the last time
        self._checked = False
        self._checking = threading.Lock()

    def found(self, path: Path) -> Path:
        """The copy to open, fetched where it is not here or not the newest."""
        name = self._name(path)
        if (waiting := self._outbox.newest(name)) is not None:
            if not waiting.stat().st_size and not is_once(name):
                raise FileNotFoundError(name)
            return waiting
        if not is_once(name):
            self._contact()
            return self._newest_copy(name)
        if not path.exists():
            self._contact()
            self._fetch(name, path)  # written once: a copy is never out of date
        return path

    def look(self, path: Path) -> None:
        """Ask anew which is the newest."""
        self._known.of(self._name(path), fresh=True)

    def exists(self, path: Path) -> bool:
        """Whether there is something under a path; nothing is fetched."""
        name = self._name(path)
        if (waiting := self._outbox.newest(name)) is not None:
            return waiting.stat().st_size > 0
        self._contact()
        return is_there(self._known.of(name))

    def bring(self, paths: Sequence[Path]) -> None:
        """Fetch what is not here, several at a time."""
        missing = [path for path in paths if not (path.exists() and is_once(self._name(path)))]
        if len(missing) < 2:
            return
        self._contact()
        told = time.monotonic()
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for n, _ in enumerate(pool.map(self._fetched, missing)):
                if time.monotonic() - told > 1.0:
                    told = time.monotonic()
                    tell(f"Reading {n} of {len(missing)} from {self.words}")

    def names(self, folder: Path) -> list[str]:
        """The names directly in a folder, as the location lists them now, and what is on its way there."""
        prefix = self._name(folder)
        self._contact()
        if not is_once(f"{prefix}/"):
            return sorted({name for name in self._there(prefix) if "/" not in name})
        try:
            there = {key.removeprefix(f"{prefix}/") for key in self.far.listed(prefix)}
        except AwayError:
            if prefix not in self._listed:
                raise
            return self._shards(prefix, self._listed[prefix] | set(super().names(folder)))
        self._listed[prefix] = there
        for name in set(super().names(folder)) - there:
            if not name.endswith(atomic.DAMAGED):  # merged or cleared by somebody
                (folder / name).unlink(missing_ok=True)
        return self._shards(prefix, there)

    def near(self, folder: Path) -> list[str]:
        """The names directly in a folder that are known of without asking the location."""
        return self._shards(self._name(folder), set(super().names(folder)))

    def _shards(self, prefix: str, there: set[str]) -> list[str]:
        waiting = {name.removeprefix(f"{prefix}/") for name in self._outbox.names(prefix)}
        return sorted(n for n in there | waiting if "/" not in n and self._bad[f"{prefix}/{n}"] < _FETCHED)

    def under(self, folder: Path) -> list[str]:
        """Everything below a folder, by its path from there."""
        self._contact()
        return sorted(self._there(self._name(folder)))

    def folders(self, folder: Path) -> list[str]:
        """The folders directly in a folder: runs by their manifests, kinds by what is in them."""
        self._contact()
        top = self._name(folder)
        if top == "runs":
            return sorted(self._there("manifests"))
        names = (
            {key.removeprefix(f"{top}/") for key in self.far.listed(top)} if is_once(f"{top}/") else self._there(top)
        )
        return sorted({name.split("/")[0] for name in names if "/" in name})

    def sizes(self, folder: Path) -> Iterator[int]:
        """The bytes at the location below a folder."""
        self._contact()
        top = self._name(folder)
        if is_once(f"{top}/"):
            yield from (item.n_bytes for item in self.far.listed(top).values())
        if not top.startswith("tables/"):
            known = self._known.below("manifests" if top == "runs" else top, fresh=True)
            yield from (version.n_bytes for version in known.values() if version.n_bytes)

    def all_there(self, paths: Sequence[Path]) -> bool:
        """Whether nobody deleted one of these; nothing that waits here counts."""
        listed = self.far.listed(self._name(paths[0].parent))
        return all(self._name(path) in listed for path in paths)

    def put(self, path: Path, data: bytes) -> None:
        """Put bytes under a path; where the location stays away they wait here."""
        if not is_once(self._name(path)):
            self.change(path, lambda _before: data)
            return
        with suppress(AwayError):
            self._contact()
        self._post.send(self._name(path), data, 0)

    @contextmanager
    def replacing(self, path: Path) -> Iterator[Path]:
        """A file to write, whose bytes are put under the path when the block ends well."""
        draft = self.root / "drafts" / f"{uuid.uuid4().hex}{path.suffix}"
        with atomic.replacing(draft) as temporary:
            yield temporary
        try:
            self.put(path, atomic.read_bytes(draft))
        finally:
            draft.unlink(missing_ok=True)

    def change(self, path: Path, make: Callable[[bytes | None], bytes]) -> None:
        """Put what `make` makes of what is newest; again, where somebody was faster."""
        name = self._name(path)
        for _ in range(_ATTEMPTS):
            try:
                self._contact()
                version = self._known.of(name, fresh=True)
                before = self._bytes(name, version)
            except FileNotFoundError:
                continue
            except AwayError:
                number, before = self._nearest(name)
                if (data := make(before)) != (before or b""):
                    self._post.keep(name, data, number)
                return
            data = make(before)
            if data == (before or b"") or self._post.send(name, data, version.number if version else 0):
                return
        raise StoreError(f"{name} in {self.words} is being changed all the time by others; try again later.")

    def drop(self, path: Path) -> None:
        """Delete what is under a path, if anything is."""
        name = self._name(path)
        if not is_once(name):
            self.change(path, lambda _before: b"")
            return
        self._outbox.remove(name)
        self.far.delete(name)
        path.unlink(missing_ok=True)

    def clear(self, folder: Path) -> None:
        """Delete everything below a folder. What changes leaves an empty object, so that no copy of it comes back."""
        self._contact()
        top = self._name(folder)
        for name in self._there("manifests" if top == "runs" else top):
            self.drop(folder / name if top != "runs" else folder / name / MANIFEST)
        self._outbox.remove(top)
        while is_once(f"{top}/") and (listed := self.far.listed(top)):
            for key in listed:  # and what a merge of tables wrote meanwhile
                self.far.delete(key)
            if top.startswith("runs"):
                break
        atomic.remove_tree(folder)

    def left_over(self, home: Path, keep: str, replaced: Sequence[str]) -> list[str]:
        """What the manifest named before: another machine's content may be about to be named."""
        return list(replaced)

    def set_aside(self, path: Path, reason: object) -> None:
        """Put a copy aside; it is fetched again once, and not asked for any more where that is no better."""
        with suppress(FileNotFoundError, AwayError):
            copy = self.found(path)
            name = self._name(path) if copy == path else copy.relative_to(self.root).as_posix()
            self._bad[name] += 1
            atomic.set_aside(copy, reason)

    def again(self, path: Path) -> bool:
        """Forget the copy of a path, which can be fetched anew."""
        path.unlink(missing_ok=True)
        return True

    def _name(self, path: Path) -> str:
        return name_of(path.relative_to(self.root).as_posix())

    def _there(self, prefix: str) -> set[str]:
        """The names below a prefix that are not deleted, by their path from there."""
        names = {name for name, version in self._known.below(prefix).items() if is_there(version)}
        for name in self._outbox.names(prefix):
            waiting = self._outbox.newest(name)
            (names.add if waiting is not None and waiting.stat().st_size else names.discard)(name)
        return {name.removeprefix(f"{prefix}/") for name in names}

    def _newest_copy(self, name: str) -> Path:
        for fresh in (False, True, True):
            version = self._known.of(name, fresh)
            if version is None or not is_there(version):
                break
            key = key_of(name, version.number)
            copy = self.root / key
            if self._bad[key] >= _FETCHED:
                break
            if copy.exists():
                return copy
            try:
                self._fetch(key, copy)
            except FileNotFoundError:  # replaced since it was listed
                continue
            for old in sorted(super().names(copy.parent))[:-2]:
                (copy.parent / old).unlink(missing_ok=True)
            return copy
        raise FileNotFoundError(name)

    def _bytes(self, name: str, version: Version | None) -> bytes | None:
        """What a version holds; older ones that nobody needs are deleted on the way."""
        if (waiting := self._outbox.newest(name)) is not None:
            return atomic.read_bytes(waiting) or None
        if version is None:
            return None
        for number in version.spent:
            self.far.delete(key_of(name, number))
        return self.far.read(key_of(name, version.number)) if is_there(version) else None  # no copy: it may be damaged

    def _nearest(self, name: str) -> tuple[int, bytes | None]:
        """The number and the bytes of what is known of without asking."""
        copies = super().names(self.root / name)
        number = int(copies[-1]) if copies and copies[-1].isdigit() else 0
        path = self._outbox.newest(name) or (self.root / name / copies[-1] if copies else None)
        return number, (atomic.read_bytes(path) or None) if path is not None else None

    def _fetched(self, path: Path) -> None:
        with suppress(FileNotFoundError):
            self.found(path)

    def _fetch(self, key: str, path: Path) -> None:
        atomic.write_bytes(path, self.far.read(key), durable=False)

    def _contact(self) -> None:
        """Once: look whose layout this is. Then send what waits, where that is possible."""
        with self._checking:
            self._checked = self._checked or check_layout(self.far, self.root)
        self._post.send_waiting()
