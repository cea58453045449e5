"""Where the guard against collapse puts its thresholds: edits pile up, and what the model still knows is counted.

    python -m benchmarks.collapse [--layers 1,5,15,25] [--sizes 0,1,2,5,10,20,40] [--facts 32]

ROME edits of bundled requests, each computed on the unedited model, are stacked at one layer. At every size of it:
the perplexity of the bundled text over that of the unedited model, the summed norm, the panel's mean divergence and the
share of its prompts whose likeliest next token is another, and the share of other facts, known before, that are still
answered.
"""

import argparse
from itertools import pairwise

from benchmarks.measure import machine
from goldenlayers_core.datasets import open_dataset
from goldenlayers_core.editing import Edit, RomeConfig, Supplies, overlay, sample_templates
from goldenlayers_core.editing.rome import rome_many
from goldenlayers_core.evaluation import Question, accepts, knowledge, read
from goldenlayers_core.evaluation.panel import bundled_panel, guard_curve, panel_states
from goldenlayers_core.models import ModelHandle, load_model
from goldenlayers_core.records import EditRequest, ModelSource


def answered(handle: ModelHandle, edits: list[Edit], facts: list[EditRequest]) -> float:
    """Share of the facts that are still answered with their true target."""
    with handle.lock, overlay(handle, edits):
        said = read(handle, [Question(fact.prompt) for fact in facts])
    return sum(accepts(s.view.answer, f.true_answers) for s, f in zip(said, facts, strict=True)) / len(facts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", default="1,5,15,25")
    parser.add_argument("--sizes", default="0,1,2,5,10,20,40")
    parser.add_argument("--facts", type=int, default=32)
    arguments = parser.parse_args()
    sizes = [int(part) for part in arguments.sizes.split(",")]
    assert all(a < b for a, b in pairwise(sizes))
    handle = load_model(ModelSource())
    config = RomeConfig()
    print(machine())
    requests = list(open_dataset("bundled").requests)
    known = knowledge(handle, requests[:400]).known(requests[:400])
    facts, written = known[: arguments.facts], known[arguments.facts :][: sizes[-1]]
    templates = sample_templates(handle, config.templates)
    texts = [p.prompt for p in bundled_panel()]
    before = panel_states(handle, texts)
    print("| layer | edits | perplexity ratio | norm | mean divergence, nats | likeliest token changed | facts left |")
    print("|---|---|---|---|---|---|---|")
    for layer in map(int, arguments.layers.split(",")):
        ((_, made),) = rome_many(handle, written, [layer], config, Supplies(templates))
        edits = [edit for edit in made if isinstance(edit, Edit)]
        first = None
        for point in guard_curve(handle, edits, [size for size in sizes if size <= len(edits)], texts, {0: before}):
            first = first or point.perplexity
            left = answered(handle, edits[: point.size], facts)
            print(
                f"| {layer} | {point.size} | {point.perplexity / first:.3f} | {point.norm:.3f} | "
                f"{point.divergence:.3f} | {point.changed:.1%} | {left:.1%} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
