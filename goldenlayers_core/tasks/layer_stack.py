"""A model's layer stack: what real edits measured of it, and every layer that something else names. No torch."""

from collections.abc import Sequence
from typing import Final

from goldenlayers_core.attribution.standing import standing
from goldenlayers_core.results.layer_stack import Flag, FlagKind, LayerStack
from goldenlayers_core.results.truth.advice import FEW
from goldenlayers_core.results.truth.measured import MethodUsed
from goldenlayers_core.runtime import RunManifest, Store
from goldenlayers_core.tasks.literature import published_layer
from goldenlayers_core.tasks.real_edits import deciding, golden_layer, opened, real_edits, used_in
from goldenlayers_core.tasks.recommendation import predicted_covariance, recommend, score_method

_LGA: Final = {"answer": "LGA on the answer", "sequence": "LGA"}
_OTHERS: Final = {"edit-aware": "edit-aware", "line-check": "line check", "damage": "damage"}


def stack_of(
    store: Store,
    model: str,
    fingerprint: str,
    n_layers: int,
    used: MethodUsed,
    data: str = "",
    edited: Sequence[int] = (),
    model_type: str = "",
) -> LayerStack:
    """What is known of a model's layers for a method and a data set; `edited` are layers that edits on show stand at.

    The best layer and its equals are by real edits of that very method; an estimate's flag is of its largest run.
    """
    advice = recommend(store, fingerprint, used, data)
    swept = tuple(edits for edits in real_edits(store, fingerprint) if edits.kind != "search")
    found = deciding(swept, used, data)
    table = opened(store, found) if found is not None else None
    flags = [Flag(layer, "edited", "edited") for layer in dict.fromkeys(edited) if 0 <= layer < n_layers]
    best: int | None = None
    level: tuple[int, ...] = ()
    measured: tuple[int, ...] = ()
    evidence = ""
    if found is not None and table is not None:
        place = standing(table.score, table.layers)
        best, level, measured = place.layer, place.level, tuple(table.layers)
        evidence = f"{found.counted}, {found.used.words}"
        flags.append(Flag(best, "real edits", "real edits", evidence))
    flags += [_flag(run, words, "estimate") for run, words in _estimates(store, fingerprint, used)]
    flags += [_flag(run, "search", _strong(run)) for run in _searched(store, fingerprint, used)]
    published, source = published_layer(model_type, n_layers, used.method)
    if published is not None:
        flags.append(Flag(published, "literature", "unseen", source))
    fitting = tuple(flag for flag in flags if 0 <= flag.layer < n_layers)
    headline = advice.headline if advice is not None else ""
    return LayerStack(model, n_layers, fitting, best, level, measured, evidence, headline)


def _estimates(store: Store, fingerprint: str, used: MethodUsed) -> list[tuple[RunManifest, str]]:
    """The runs whose layers are estimates, each with what it is called: of every kind the one with most requests. What
    predicts edits written with another covariance setting is no estimate here."""
    found: dict[str, RunManifest] = {}
    for run in store.runs():
        if run.fingerprint != fingerprint or golden_layer(run) is None or run.kind not in ("score", "trace"):
            continue
        if predicted_covariance(run) not in ("", used.covariance or "identity"):
            continue
        name = "causal trace"
        if run.kind == "score":
            method = score_method(run)
            reading = str(run.part("config").get("loss_on", "answer"))
            name = _LGA.get(reading, "LGA") if method == "lga" else _OTHERS.get(method, method)
        if name not in found or run.n_requests > found[name].n_requests:
            found[name] = run
    return [(run, name) for name, run in sorted(found.items())]


def _searched(store: Store, fingerprint: str, used: MethodUsed) -> list[RunManifest]:
    """The search of a method with most requests, if there is one."""
    mine = [
        m
        for m in store.runs()
        if (m.fingerprint, m.kind) == (fingerprint, "search") and golden_layer(m) is not None and used_in(m) == used
    ]
    return [max(mine, key=lambda m: (m.n_requests, m.created))] if mine else []


def _strong(run: RunManifest) -> FlagKind:
    """Real edits of a few requests estimate, as gradients do."""
    return "real edits" if run.n_requests >= FEW else "estimate"


def _flag(run: RunManifest, label: str, kind: FlagKind) -> Flag:
    layer = golden_layer(run)
    assert layer is not None
    return Flag(layer, label, kind, f"{run.n_requests} requests of {run.dataset}")
