"""From log-probabilities at every position of a request's probes to the metrics of `results.METRICS`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from goldenlayers_core.evaluation.asked import Asked
from goldenlayers_core.evaluation.lines import Lines
from goldenlayers_core.evaluation.settled import same_settled, settled
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.finite import likeliest

Said = tuple[int, ...]
Spot = tuple[int, Said]  # (ask, tokens said after its prompt)
_MEANS: Final = {"rewrite": "efficacy", "rephrase": "paraphrase", "locality": "neighborhood"}


@dataclass(frozen=True, eq=False)
class Seen:
    """What the model says at every place of some asks."""

    likeliest: dict[Spot, int]
    log_p: dict[tuple[Spot, int], float]  # (place, token) -> log-probability, nats
    rank: dict[tuple[Spot, int], int]  # of the tokens asked for at the rewrite prompts' ends; 1 is the likeliest
    next_token: dict[int, Tensor]
    """Ask -> (V,) log-probabilities after its prompt, for locality probes."""
    divergence: dict[int, float]  # ask -> KL(before || after) of the next token, nats; locality probes under an edit


class Tokens:
    """Which tokens are asked for at which places of some asks."""

    def __init__(self, asked: Sequence[Asked]) -> None:
        self.wanted: dict[Spot, list[int]] = {}
        self.ranked: set[Spot] = set()
        self.compared: dict[int, Said] = {}  # locality probes -> what of their prompts is read as said (`Asked.rest`)
        for index, one in enumerate(asked):
            for answer in (one.new, one.true):
                for t, token in enumerate(answer):
                    self.wanted.setdefault((index, answer[:t]), []).append(token)
            if one.probe.kind == "rewrite":
                self.ranked.add((index, ()))
            if one.probe.kind == "locality":
                self.compared[index] = one.rest


def look(lines: Lines, bucket: int, log_p: Tensor, tokens: Tokens, before: Seen | None) -> Seen:
    """Take from (N, V) log-probabilities of one bucket what the metrics need."""
    places = lines.places(bucket)
    best = likeliest(log_p).tolist()
    wanted = [(spot, at, token) for spot, at in places.items() for token in tokens.wanted.get(spot, ())]
    values: list[float] = []
    if wanted:
        rows, columns = torch.tensor([[at, token] for _, at, token in wanted], device=log_p.device).unbind(dim=1)
        values = log_p[rows, columns].tolist()
    said = {(spot, token): value for (spot, _, token), value in zip(wanted, values, strict=True)}
    rank = {
        (spot, token): int((log_p[at] > log_p[at, token]).sum()) + 1
        for spot, at, token in wanted
        if spot in tokens.ranked
    }
    ends = {spot[0]: at for spot, at in places.items() if tokens.compared.get(spot[0]) == spot[1]}
    divergence: dict[int, float] = {}
    if before is not None and ends:
        old = torch.stack([before.next_token[ask] for ask in ends])
        new = log_p[list(ends.values())]
        found = (old.exp() * (old - new)).sum(dim=1).clamp(min=0.0).tolist()
        divergence = dict(zip(ends, found, strict=True))
    kept = {} if before is not None else {ask: log_p[at].clone() for ask, at in ends.items()}
    return Seen({spot: best[at] for spot, at in places.items()}, said, rank, kept, divergence)


def joined(parts: Sequence[Seen]) -> Seen:
    """What was seen in several buckets."""
    whole = Seen({}, {}, {}, {}, {})
    for part in parts:
        whole.likeliest.update(part.likeliest)
        whole.log_p.update(part.log_p)
        whole.rank.update(part.rank)
        whole.next_token.update(part.next_token)
        whole.divergence.update(part.divergence)
    return whole


def verdict(handle: ModelHandle, index: int, one: Asked, seen: Seen, ends: frozenset[int]) -> tuple[bool | None, str]:
    """Whether a probe succeeded, as far as its greedy text was seen, and that text; None: it must be written on.

    The greedy text is followed along the branches: where the likeliest token is the next of a branch, the model has
    read it, and what it says then is known too.
    """
    said: list[int] = []
    while (index, (*one.rest, *said)) in seen.likeliest:
        said.append(seen.likeliest[index, (*one.rest, *said)])
        if said[-1] in ends or len(said) >= one.limit:
            break
    text = str(handle.tokenizer.decode(said, skip_special_tokens=True))
    ended = said[-1] in ends or len(said) >= one.limit
    if one.is_long:
        return _forced(index, one.new, seen) == 1.0, text
    if one.probe.kind == "locality":
        return same_settled(one.before, text, one.probe.answers, ended), text
    return settled(text, one.probe.answers, ended, one.against), text


def numbers(index: int, one: Asked, seen: Seen, before: Seen) -> dict[str, float]:
    """The metrics of one probe that need no greedy text, by name; means over a kind's probes give the request's."""
    kind = one.probe.kind
    found: dict[str, float] = {}
    new, true = _mean_log_p(index, one.new, seen), _mean_log_p(index, one.true, seen)
    if kind in _MEANS and one.new and one.true:
        found[_MEANS[kind]] = float(true > new) if kind == "locality" else float(new > true)
    if kind == "locality":
        if one.true:
            found["locality_tokens"] = _agreement(index, one.true, seen, before)
        found["locality_kl"] = seen.divergence.get(index, 0.0)
    elif one.new:
        found[f"{kind}_tokens"] = _forced(index, one.new, seen)
    if kind == "rewrite":
        found["p_new"], found["rank_new"] = float(np.exp(new * len(one.new))), float(seen.rank[(index, ()), one.new[0]])
        if one.true:
            found["p_true"] = float(np.exp(true * len(one.true)))
            found["rank_true"] = float(seen.rank[(index, ()), one.true[0]])
    return found


def _mean_log_p(index: int, answer: Said, seen: Seen) -> float:
    """Mean log-probability per token, nats; NaN for no answer."""
    values = [seen.log_p[(index, answer[:t]), token] for t, token in enumerate(answer)]
    return float(np.mean(values)) if values else float("nan")


def _forced(index: int, answer: Said, seen: Seen) -> float:
    """Share of the answer's tokens that are the likeliest, given the right ones before."""
    return float(np.mean([seen.likeliest[index, answer[:t]] == token for t, token in enumerate(answer)]))


def _agreement(index: int, answer: Said, seen: Seen, before: Seen) -> float:
    """Share of the answer's positions whose likeliest token is that of the unedited model."""
    spots = [(index, answer[:t]) for t in range(len(answer))]
    return float(np.mean([seen.likeliest[spot] == before.likeliest[spot] for spot in spots]))
