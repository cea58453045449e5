"""Single changed bits in every kind of stored file: what is opened is as it was, or a sentence; never other numbers.

The store is a real one: scores, a sweep, edits, a covariance, an upload, jobs with who asked for them, desks' notes,
all made by the workbench on a tiny model. Each flip is made in a fresh copy, and everything in it is opened again.
"""

import itertools
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from goldenlayers_core.errors import GoldenLayersError, StoreError
from goldenlayers_core.records import ModelSource
from goldenlayers_core.runtime import Claim, Store
from goldenlayers_core.runtime.job_records import JobFolder
from goldenlayers_core.tasks import DatasetChoice, EditQuestion, ScoreQuestion, open_workbench
from goldenlayers_core.tasks.questions import CovarianceQuestion, SweepQuestion
from tests.tiny import save_tiny
from tests.torture.outcome import Outcome, Tally
from tests.torture.uploads import delimited, records

ROOT = Path(__file__).resolve().parents[2]
TIMES, QUICK = 5_000, 120
PATIENCE = 300.0
DESK = "desk-of-ann"
FACT = {"case_id": "a", "prompt": "The capital of France is", "subject": "France", "target_new": "Rome"}
CHOICE = DatasetChoice("bundled", "all", 2)
_KINDS = ("tables", "manifest.json", "frames", "texts", "objects", "desks", ".claims", "jobs", "store.json")
_REST = (".lock", ".log")


def filled(root: Path, model: Path) -> Path:
    """A store with a file of every kind, made by real work; models lie elsewhere."""
    bench, source = open_workbench(root), ModelSource(str(model))
    reference, _ = bench.upload(delimited(records(4), ","), "mine.csv")
    quick = {"steps": 2, "n_templates": 0}
    for turn, question in enumerate(
        (
            ScoreQuestion(model=source, choice=CHOICE),
            ScoreQuestion(model=source, choice=DatasetChoice(reference, "all", 2)),
            SweepQuestion(model=source, choice=CHOICE, settings=quick, layers=(0, 1)),
            EditQuestion(model=source, request={**FACT, "target_true": "Paris"}, layer=1, settings=quick),
            CovarianceQuestion(model=source, tokens=64, layers=(1,)),
        )
    ):
        job = bench.submit(question, f"Work {turn}", Claim(DESK, "tab", "slot", f"Work {turn}"))
        done = bench.queue_of(job).wait(job, PATIENCE)
        if done.state != "done":
            raise RuntimeError(f"{type(question).__name__} ended as {done.state}: {done.error}")
    for manifest in bench.store.runs():
        bench.store.owned.say(DESK, manifest.run_id, title=f"Mine: {manifest.title}", note="Zürich", starred=True)
    bench.close()
    return root


def plain(value: Any) -> Any:
    """Something that compares exactly and can be seen to differ: floats by their digits, arrays by their bytes."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, repr(value.tolist())
    if isinstance(value, pd.DataFrame):
        return {"columns": [(n, str(value[n].dtype)) for n in value], **rows(value)}
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    return repr(value)


def rows(frame: pd.DataFrame) -> dict[str, Any]:
    """Every row by its number within the rows that are equal in what names a row."""
    names = [name for name in ("request", "layer") if name in frame]
    found: dict[str, Any] = {}
    for number, row in enumerate(frame.to_dict("records")):
        said = {str(name): plain(value) for name, value in row.items()}
        found[repr([said[name] for name in names]) if names else str(number)] = said
    return found


def told(read: Callable[[], Any]) -> Any:
    """What is read as plain values; the sentence where it is refused."""
    try:
        return plain(read())
    except StoreError as error:
        return error


def things(root: Path) -> Iterator[tuple[str, Callable[[Store], Any]]]:
    """Everything that a whole store holds: its name, and how it is read."""
    for run in sorted((root / "runs").glob("*")):
        if (run / "manifest.json").is_file() and run.name[0] != ".":
            yield f"run {run.name}", lambda s, n=run.name: _run(s, n)
    for key in sorted((root / "tables").glob("*/*")):
        yield f"table {key.parent.name}/{key.name}", lambda s, k=key: s.read_rows(k.parent.name, k.name)
    for file in sorted((root / "objects").glob("*/[!.]*")):
        read = Store.load_json if file.suffix == ".json" else _arrays
        yield f"object {file.parent.name}/{file.name}", lambda s, f=file, r=read: r(s, f.parent.name, f.stem)
    for mark in sorted((root / "desks").glob("*/*.json")):
        yield f"note {mark.stem}", lambda s, m=mark: s.owned.said(m.parent.name, m.stem)
    for record in sorted((root / "jobs").glob("*/*.json")):
        yield f"job {record.stem}", lambda s, r=record: _folder(s, r).view(r.stem, None)
        yield f"claims {record.stem}", lambda s, r=record: _folder(s, r).claims.of(r.stem)


def _folder(store: Store, record: Path) -> JobFolder:
    return JobFolder(store.root / "jobs" / record.parent.name)


def _run(store: Store, name: str) -> Any:
    found = store.load_run(name)
    return {"manifest": found.manifest, "frames": dict(found.frames), "texts": dict(found.texts)}


def _arrays(store: Store, kind: str, name: str) -> Any:
    arrays, meta = store.load_arrays(kind, name)
    return {"arrays": dict(arrays), "meta": dict(meta)}


def silent(name: str, before: Any, after: Any) -> bool:
    """Whether something else is shown as if nothing had happened."""
    if isinstance(after, StoreError) or after == before:
        return False
    if name.startswith("table"):  # a shard is set aside: fewer rows, each as it was
        return any(before.get(row) != said for row, said in after.items() if row != "columns")
    gone = ("None", "()", repr([]), "Own(title=None, note='', starred=False)")
    return not (name.startswith(("job", "claims", "note")) and after in gone)


def files(root: Path) -> dict[str, list[Path]]:
    """Every stored file, by its kind."""
    found: dict[str, list[Path]] = {}
    for path in sorted(root.rglob("*")):
        if path.is_file() and not path.name.endswith(_REST) and ".locks" not in path.parts:
            place = path.relative_to(root).as_posix()
            found.setdefault(next(kind for kind in _KINDS if kind in place), []).append(path.relative_to(root))
    return found


@contextmanager
def made() -> Iterator[Path]:
    """A folder with such a store in `whole`; gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="goldenlayers-flips-") as name:
        folder = Path(name)
        filled(folder / "whole", save_tiny(folder / "tiny"))
        yield folder


def run(times: int = TIMES, seed: int = 0) -> list[Outcome]:
    """The part."""
    with made() as folder:
        whole, r = folder / "whole", random.Random(seed)
        kinds, reads = files(whole), list(things(whole))
        store = Store(whole)
        before = {name: told(lambda read=read: read(store)) for name, read in reads}
        tally = Tally("flips", f"flipped bits in {sum(map(len, kinds.values()))} stored files of {len(kinds)} kinds")
        for turn, kind in zip(range(times), itertools.cycle(kinds)):
            shutil.copytree(whole, copy := folder / "copy")
            place = r.choice(kinds[kind])
            data = bytearray((copy / place).read_bytes())
            bit = r.randrange(8 * len(data))
            data[bit // 8] ^= 1 << bit % 8
            (copy / place).write_bytes(data)
            tally.count(_looked(tally, copy, reads, before, f"bit {bit} of {place} (flip {turn}, seed {seed})"))
            shutil.rmtree(copy)
        missing = [name for name, value in before.items() if isinstance(value, GoldenLayersError)]
        tally.bad += [f"{name} cannot be opened in the whole store" for name in missing]
        return [tally.outcome()]


def _looked(tally: Tally, copy: Path, reads: Any, before: dict[str, Any], where: str) -> str:
    try:
        store = Store(copy)
        after = {name: told(lambda read=read: read(store)) for name, read in reads}
    except StoreError:  # a version that does not exist
        return "refused in a sentence"
    except Exception as error:
        tally.lose(f"{where}: {error!r:.300}")
        return "lost"
    wrong = [name for name in before if silent(name, before[name], after[name])]
    if wrong:
        tally.lose(f"{where}: {wrong[0]} is shown changed")
        return "lost"
    if after == before:
        return "opened as before"
    return "set aside or refused in a sentence"
