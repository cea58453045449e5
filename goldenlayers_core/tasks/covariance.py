"""Key covariances for a model: estimated once, kept by model, source and token count, read by every edit that asks."""

import dataclasses
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import torch

from goldenlayers_core.editing.estimate import (
    SampleConfig,
    moments_of_samples,
    moments_of_text,
    sample_origin,
    text_origin,
)
from goldenlayers_core.editing.moments import KeyMoments
from goldenlayers_core.editing.value_settings import TEXT
from goldenlayers_core.errors import Cancelled, ConfigError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.records import digest_of
from goldenlayers_core.results.edit.covariance import CovarianceCard
from goldenlayers_core.runtime import Progress, now
from goldenlayers_core.tasks.corpus import SAMPLES, read_corpus
from goldenlayers_core.tasks.questions import CovarianceQuestion
from goldenlayers_core.tasks.stored_covariance import cards, open_layer, save_card, save_layer
from goldenlayers_core.tasks.sums_so_far import SumsSoFar

if TYPE_CHECKING:
    from goldenlayers_core.tasks.workbench import Workbench

_TOGETHER: Final = 2**29  # bytes: up to this many, all layers are estimated when one is asked for
_KEPT: Final = 2**30  # bytes of covariances, with their factors and spectra, that a workbench keeps in memory
_CONDITION: Final = 45  # tokens whose keys take about as long as one layer's condition number


def covariance(bench: "Workbench", question: CovarianceQuestion, progress: Progress) -> str:
    """Answer the question; returns the card's key. Raises a GoldenLayersError of one sentence."""
    return estimated(bench, question, progress).key


def estimated(bench: "Workbench", question: CovarianceQuestion, progress: Progress) -> CovarianceCard:
    """The card of the question's covariance; what is stored of it is not computed again."""
    handle = bench.model(question.model, progress)
    return _estimate(bench, handle, question, progress)


def _summed(
    handle: ModelHandle,
    layers: Sequence[int],
    corpus: tuple[str, str] | None,
    tokens: int,
    so_far: SumsSoFar,
    progress: Progress,
) -> dict[int, KeyMoments]:
    """C of the layers over the model's own samples, or over a corpus (text, words); from where a pass was stopped."""

    def report(done: int, total: int, note: str) -> None:
        progress.update(done, total + _CONDITION * len(layers), note)

    start = so_far.opened()
    if corpus is None:
        return moments_of_samples(handle, layers, SampleConfig(n_tokens=tokens), report, start, so_far.keep)
    return moments_of_text(handle, layers, *corpus, tokens, progress=report, start=start, keep=so_far.keep)


def _conditioned(
    bench: "Workbench", key: str, moments: Mapping[int, KeyMoments], shrinkage: float, progress: Progress
) -> dict[int, float]:
    """Every layer's condition number; the layer is stored on the way."""
    conditions = {}
    for done, (layer, each) in enumerate(sorted(moments.items())):
        whole = each.n_tokens + _CONDITION * len(moments)
        progress.update(each.n_tokens + _CONDITION * done, whole, "Condition numbers")
        conditions[layer] = dataclasses.replace(each, shrinkage=shrinkage).condition
        save_layer(bench.store, key, layer, each.second.numpy())
    return conditions


def card_key(bench: "Workbench", handle: ModelHandle, question: CovarianceQuestion) -> str:
    """Under what the store keeps the question's covariance."""
    text = "" if question.source == SAMPLES else read_corpus(bench.store, question.source)[0]
    return digest_of([handle.result_key, _origin(question, text), question.tokens])


def _origin(question: CovarianceQuestion, text: str) -> str:
    own = question.source == SAMPLES
    return sample_origin(SampleConfig(n_tokens=question.tokens)) if own else text_origin(text)


def _estimate(
    bench: "Workbench", handle: ModelHandle, question: CovarianceQuestion, progress: Progress
) -> CovarianceCard:
    layers = question.layers or tuple(range(handle.n_layers))
    for layer in layers:
        handle.check_layer(layer)
    own = question.source == SAMPLES
    text, words = ("", "") if own else read_corpus(bench.store, question.source)
    origin = _origin(question, text)
    key = digest_of([handle.result_key, origin, question.tokens])
    found = next((card for card in cards(bench.store, handle.fingerprint) if card.key == key), None)
    have = found.layers if found and found.shrinkage == question.shrinkage else ()
    missing = [layer for layer in layers if layer not in have]
    if found and not missing:
        progress.update(1, 1, "In the store already")
        return save_card(bench.store, dataclasses.replace(found, created=now()))  # the newest is used
    start = time.perf_counter()
    so_far = SumsSoFar(bench.store, handle, key, missing)
    conditions = dict(zip(found.layers, found.conditions, strict=True)) if found and have else {}
    try:
        moments = _summed(handle, missing, None if own else (text, words), question.tokens, so_far, progress)
        conditions |= _conditioned(bench, key, moments, question.shrinkage, progress)
    except Cancelled:
        so_far.write()
        raise
    some, earlier = next(iter(moments.values())), so_far.seconds + (found.seconds if found and have else 0.0)
    card = CovarianceCard(
        key=key,
        kind="samples" if own else "text",
        source=some.source,
        origin=origin,
        model=handle.name,
        fingerprint=handle.fingerprint,
        result_key=handle.result_key,
        wanted=question.tokens,
        n_tokens=some.n_tokens,
        width=len(some.second),
        shrinkage=question.shrinkage,
        layers=tuple(sorted(conditions)),
        conditions=tuple(conditions[layer] for layer in sorted(conditions)),
        seconds=time.perf_counter() - start + earlier,
        created=now(),
    )
    card = save_card(bench.store, card)
    so_far.remove()
    progress.update(1, 1, "Key covariance stored")
    return card


def moments_for(
    bench: "Workbench", handle: ModelHandle, choice: str, layers: Sequence[int], progress: Progress
) -> dict[int, KeyMoments]:
    """The covariance that a method's setting names, at some layers: "samples" are estimated where none are stored,
    "text" is the newest text estimated for this model. Raises ConfigError where no text was given yet."""
    mine = [card for card in cards(bench.store, handle.fingerprint) if card.result_key == handle.result_key]
    fitting = [c for c in mine if c.kind == choice and set(layers) <= set(c.layers)]
    if not fitting and choice == TEXT:
        raise ConfigError(
            f"No text was read for a key covariance of {handle.name} yet; give one on the Edit page or by the command "
            "`covariance --source FILE`, or choose samples."
        )
    card = fitting[0] if fitting else _estimate(bench, handle, _question(handle, layers), progress)
    found = {}
    for done, layer in enumerate(sorted(set(layers))):
        progress.update(done, len(set(layers)), "Key covariance from the store")
        found[layer] = _kept(bench, card, layer)
    return found


def moments_key(moments: Mapping[int, KeyMoments]) -> str:
    """Tells key covariances apart: by source, tokens and shrinkage, not by the layers they are at hand for."""
    return digest_of(sorted({(m.origin, m.n_tokens, m.shrinkage) for m in moments.values()}))[:8]


def moments_words(moments: Mapping[int, KeyMoments]) -> str:
    """What a key covariance was estimated from, as in "10,240 tokens of the model's own samples"; "" where none is."""
    some = next(iter(moments.values()), None)
    return f"{some.n_tokens:,} tokens of {some.source}" if some else ""


def _question(handle: ModelHandle, layers: Sequence[int]) -> CovarianceQuestion:
    """All layers where that is no burden: the pass through the tokens costs more than their products."""
    width = handle.shape(handle.mlp_out(0))[1]
    every = handle.n_layers * width**2 * 4 <= _TOGETHER
    return CovarianceQuestion(handle.source, layers=() if every else tuple(sorted(set(layers))))


def _kept(bench: "Workbench", card: CovarianceCard, layer: int) -> KeyMoments:
    """A layer's covariance, with whatever was derived from it: one factorisation serves every edit."""
    name = (card.key, card.shrinkage, layer)
    kept = bench.moments
    if name in kept:
        kept.move_to_end(name)
        return kept[name]
    second = torch.from_numpy(open_layer(bench.store, card.key, layer))
    made = KeyMoments(layer, second, card.n_tokens, card.source, card.shrinkage, card.origin)
    kept[name] = made
    while len(kept) > max(8, _KEPT // (20 * card.width**2)):  # 4 bytes of C, 8 of its factor, 8 of its spectrum
        kept.popitem(last=False)
    return made
