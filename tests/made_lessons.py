"""Made-up results of lessons 4 to 7."""

import numpy as np

from goldenlayers_core.results import SweepResult
from goldenlayers_core.results.edit.panel import Pass
from goldenlayers_core.results.learn.pile import Pile, PileCurve
from goldenlayers_core.results.learn.probe_texts import AskedProbe, ProbeTexts


def made_pile(fingerprint: str = "f" * 32) -> Pile:
    """Three layers: the first bears everything, the second warns by words alone, the third breaks with three edits."""
    sizes = (0, 1, 3, 6)
    rows = (
        (4, (0.0, 0.02, 0.04, 0.08), (20.0, 20.0, 19.8, 20.2), (1.0, 1.0, 1.0, 0.75)),
        (15, (0.0, 0.15, 0.2, 0.3), (20.0, 20.2, 20.4, 23.0), (1.0, 0.75, 0.75, 0.5)),
        (25, (0.0, 0.2, 0.4, 0.9), (20.0, 24.0, 60.0, 9000.0), (1.0, 0.5, 0.25, 0.0)),
    )
    curves = tuple(
        PileCurve(
            layer,
            tuple(
                Pass(size, text, 0.1 * size, words, words)
                for size, text, words in zip(sizes, perplexity, changed, strict=True)
            ),
            kept,
        )
        for layer, changed, perplexity, kept in rows
    )
    written, facts = (tuple(f"{word} {i} is" for i in range(n)) for word, n in (("Written", 6), ("Known", 4)))
    return Pile(
        model="Some model",
        fingerprint=fingerprint,
        method="rome",
        dataset="made up",
        written=written,
        facts=facts,
        n_prompts=48,
        curves=curves,
        seconds=40.0,
        provenance={"dtype": "float32", "device": "cpu", "torch": "2.13.0"},
    )


def made_texts(sweep: SweepResult, row: int = 0) -> ProbeTexts:
    """What a made-up model says at every layer of a sweep: the rewrite takes everywhere, the neighbour stays early."""
    probes = (
        AskedProbe("rewrite", sweep.prompts[row], (sweep.targets_new[row],), sweep.answers_before[row]),
        AskedProbe("rephrase", "In other words", (sweep.targets_new[row],), "old"),
        AskedProbe("locality", "The neighbour is", ("beside",), "beside"),
    )
    layers = sweep.layers
    return ProbeTexts(
        model=sweep.model,
        fingerprint=sweep.fingerprint,
        method=sweep.method,
        config=sweep.config,
        request=sweep.request_digests[row],
        layers=layers,
        probes=probes,
        answers=tuple((f"new <b> at {layer}", "said", "beside" if layer < 10 else "elsewhere") for layer in layers),
        hits=np.array([[True, False, layer < 10] for layer in layers]),
        seconds=20.0,
    )
