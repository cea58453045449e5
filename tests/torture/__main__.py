"""`make torture`: every part, or those that are named, and the table of what was tried and what was lost.

    python -m tests.torture [--part NAME ...] [--share 1.0] [--quick] [--seed 0]
                            [--results FILE.json] [--markdown docs/reliability.md]

`--share` is the share of the full counts that is tried, `--quick` the small counts that the tests try. `--results`
keeps what came of parts that ran earlier: a part that runs now takes its own lines' place, so that parts can be run one
at a time. The exit status is 1 where something was lost.
"""

import argparse
import dataclasses
import importlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from goldenlayers_core.places import cache_root
from tests.lending import lend_models
from tests.torture.outcome import Outcome, page, table, write_page

PARTS = ("uploads", "flips", "kills", "disk", "sessions")


def about(part: str) -> str:
    """What a part does: the beginning of its module's description."""
    said = importlib.import_module(f"tests.torture.{part}").__doc__ or ""
    return " ".join(said.split())


@contextmanager
def apart() -> Iterator[Path]:
    """A cache folder of its own with the converted models, and no model hub; gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="goldenlayers-torture-"))
    lend_models(folder, cache_root())
    places = {"GOLDENLAYERS_CACHE": str(folder), "HF_HOME": str(folder / "hub"), "HF_ENDPOINT": "http://127.0.0.1:9"}
    try:
        with mock.patch.dict(os.environ, places):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run(part: str, share: float, quick: bool, seed: int) -> list[Outcome]:
    """What came of one part."""
    module = importlib.import_module(f"tests.torture.{part}")
    found: list[Outcome] = module.run(module.QUICK if quick else max(1, round(share * module.TIMES)), seed)
    return found


def asked(arguments: Sequence[str]) -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser("python -m tests.torture", description="What was tried, and what was lost.")
    parser.add_argument("--part", action="append", choices=PARTS, help="only these parts")
    parser.add_argument("--share", type=float, default=1.0, help="of the full counts")
    parser.add_argument("--quick", action="store_true", help="the small counts of the tests")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--results", type=Path, help="keeps what came of parts that ran earlier")
    parser.add_argument("--markdown", type=Path, help="write the page here")
    return parser.parse_args(arguments)


def earlier(path: Path | None) -> list[Outcome]:
    """What came of parts that ran before."""
    if path is None or not path.exists():
        return []
    return [Outcome(**{**line, "bad": tuple(line["bad"])}) for line in json.loads(path.read_text())]


def main(arguments: Sequence[str]) -> int:
    """Run them; 1 where something was lost."""
    said, found = asked(arguments), []
    with apart():
        for part in said.part or ([] if said.markdown and said.results else PARTS):
            found += run(part, said.share, said.quick, said.seed)
            sys.stdout.write(f"{part}: done\n")
            sys.stdout.flush()
    now = {outcome.part for outcome in found}
    both = sorted([*(o for o in earlier(said.results) if o.part not in now), *found], key=lambda o: PARTS.index(o.part))
    if said.results:
        said.results.write_text(json.dumps([dataclasses.asdict(outcome) for outcome in both], indent=1))
    if said.markdown:
        write_page(said.markdown, page(both, said.seed, "python -m tests.torture --markdown", about))
    sys.stdout.write("\n" + table(both))
    for outcome in both:
        sys.stdout.writelines(f"{outcome.part}: {sentence}\n" for sentence in outcome.bad)
    return int(any(outcome.bad for outcome in both))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
