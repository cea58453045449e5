"""Rebuild docs/evidence.md and its pictures from the tables that were measured; no model is run.

python -m benchmarks.evidence [--edits FILE] [--estimates FILE] [--out docs/evidence.md] [--no-pictures]
"""

import argparse
import sys
from pathlib import Path

from benchmarks.evidence.page import TITLES, page
from benchmarks.evidence.pictures import scores
from benchmarks.evidence.tables import Edits, Estimates
from goldenlayers_core.figures.export import to_pictures

ROOT = Path(__file__).parents[2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--edits", type=Path, default=ROOT / "assets" / "evidence.parquet")
    parser.add_argument("--estimates", type=Path, default=Path(__file__).with_name("estimates.parquet"))
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "evidence.md")
    parser.add_argument("--no-pictures", action="store_true")
    options = parser.parse_args()
    edits, estimates = Edits(options.edits), Estimates(options.estimates)
    drawn = {}
    if not options.no_pictures:
        made = {model: scores(edits, estimates, model, TITLES.get(model, model)) for model in edits.fingerprints}
        drawn = {f"evidence-{model}.png": figure for model, figure in made.items() if figure is not None}
        pictures = to_pictures([(figure, "png") for figure in drawn.values()])
        for name, data in zip(drawn, pictures, strict=True):
            (options.out.parent / name).write_bytes(data)
    options.out.write_text(page(edits, estimates, tuple(drawn)), encoding="utf-8")
    sys.stderr.write(f"{options.out} is written.\n")


if __name__ == "__main__":
    main()
