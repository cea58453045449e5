"""Lesson 3: a stored ROME edit taken apart, in the model it belongs to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

from goldenlayers_core.editing import Edit, overlay
from goldenlayers_core.errors import EditError
from goldenlayers_core.evaluation.read import Question, read
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.finite import likeliest, top
from goldenlayers_core.models.hooks import as_batch, record_inputs, record_outputs
from goldenlayers_core.models.readout import head_logits, normed
from goldenlayers_core.models.tokens import encode_answer, encode_prompt, subject_last
from goldenlayers_core.records import EditRequest, ModelSource
from goldenlayers_core.results.learn.rank_one import KeyKind, KeyRow, RankOne
from goldenlayers_core.subject import Place, occurrences
from goldenlayers_core.tasks.edit.one_edit import open_edit
from goldenlayers_core.tasks.learn.facts import lesson_facts

if TYPE_CHECKING:
    from goldenlayers_core.tasks.workbench import Workbench

UNRELATED: Final = 4  # prompts about something else
TOP: Final = 6  # tokens a value says

_Prompt = tuple[KeyKind, str, Place | None]  # kind, prompt, where its subject stands


@dataclass(frozen=True, eq=False)
class _Seen:
    """One prompt in a forward pass: T tokens."""

    ids: tuple[int, ...]
    keys: Tensor
    """(T, d_in) float64: what enters the matrix at every token."""
    values: Tensor
    """(T, d_out) float64: what leaves it, bias included."""


def take_apart(bench: "Workbench", model: ModelSource, edit_id: str, request: EditRequest) -> RankOne:
    """Key, value and update of a stored edit, and what the update does to other prompts' keys.

    A prompt's key is that of its subject's last token where it names the edited subject (an unrelated one its own);
    else of the token that meets the written direction most. Raises EditError for an edit that is no rank-one change of
    one matrix, or is not of this request.
    """
    handle, edit = bench.model(model), open_edit(bench, edit_id)
    if len(edit.factors) != 1 or edit.factors[0].left.shape[1] != 1 or edit.fact.prompt != request.prompt:
        raise EditError(
            "The edit is no rank-one change of one matrix for this request; edit it with ROME to take it apart."
        )
    asked, factors = _prompts(bench, model, request), edit.factors[0]
    left, right = factors.left[:, 0].double(), factors.right[:, 0].double()  # (d_out,), (d_in,)
    direction = right / right.norm()
    with handle.lock, torch.inference_mode():
        before = [_run(handle, edit.layer, prompt) for _, prompt, _ in asked]
        with overlay(handle, [edit]):
            after = [_run(handle, edit.layer, prompt) for _, prompt, _ in asked]
    at = [_place(handle, seen, one, direction) for seen, one in zip(before, asked, strict=True)]
    key, value = before[0].keys[at[0]], before[0].values[at[0]]
    wanted = value + left * (right @ key)  # v*
    matrix = handle.matrix(handle.mlp_out(edit.layer)).double().cpu()
    change = float((wanted - value).norm())
    first = encode_answer(handle.tokenizer, request.prompt, request.target_new)[0]
    (says, rank), (says_new, rank_new) = (_says(handle, one, first) for one in (value, wanted))
    error = (matrix + torch.outer(left, right)) @ key + (value - matrix @ key) - wanted  # in brackets: W's bias
    return RankOne(
        model=handle.name,
        edit_id=edit_id,
        about=request.digest,
        layer=edit.layer,
        prompt=request.prompt,
        subject=request.subject,
        target_new=request.target_new,
        target_true=request.target_true,
        shape=(len(left), len(right)),
        key_norm=float(key.norm()),
        value_norm=float(value.norm()),
        change_norm=change,
        weight_norm=float(matrix.norm()),
        update_norm=factors.squared_norm**0.5,
        residual=float(error.norm()) / change,
        residual_run=float((after[0].values[at[0]] - wanted).norm()) / change,
        says=says,
        says_new=says_new,
        rank_new=(rank, rank_new),
        rows=_rows(handle, edit, request, asked, (before, after), at, direction),
    )


def _prompts(bench: "Workbench", model: ModelSource, request: EditRequest) -> list[_Prompt]:
    """What is asked, with the place of the subject whose last token is looked at."""
    found: list[_Prompt] = [("rewrite", request.prompt, request.subject_place)]
    for probe in request.rephrases:
        found.append(("rephrase", probe.prompt, next(iter(occurrences(request.subject, probe.prompt)), None)))
    found += [("neighbour", probe.prompt, None) for probe in request.locality]
    others = [other for other in lesson_facts(bench, model) if other.relation != request.relation]
    taken = {prompt for _, prompt, _ in found}
    apart = [
        other
        for other in others
        if other.prompt not in taken
        and request.subject not in other.prompt
        and occurrences(other.subject, other.prompt)
    ]
    step = max(1, len(apart) // UNRELATED)
    return found + [("unrelated", other.prompt, other.subject_place) for other in apart[::step][:UNRELATED]]


def _run(handle: ModelHandle, layer: int, prompt: str) -> _Seen:
    ids = encode_prompt(handle.tokenizer, prompt)
    site = {"mlp": handle.mlp_out(layer)}
    with record_inputs(site) as entered, record_outputs(site) as left:
        handle.model(input_ids=torch.tensor([ids], device=handle.device), use_cache=False)
    return _Seen(ids, *(as_batch(seen["mlp"], 1)[0].double().cpu() for seen in (entered, left)))


def _place(handle: ModelHandle, seen: _Seen, one: _Prompt, direction: Tensor) -> int:
    _, prompt, place = one
    if place:
        return subject_last(handle.tokenizer, prompt, prompt[place[0] : place[1]], place[0])
    return int(likeliest((seen.keys @ direction).abs()))


def _rows(
    handle: ModelHandle,
    edit: Edit,
    request: EditRequest,
    asked: Sequence[_Prompt],
    runs: tuple[Sequence[_Seen], Sequence[_Seen]],
    at: Sequence[int],
    direction: Tensor,
) -> tuple[KeyRow, ...]:
    before, after = runs
    questions = [Question(prompt, request.target_new) for _, prompt, _ in asked]
    plain, edited = read(handle, questions), read(handle, questions, [edit] * len(questions))
    key = before[0].keys[at[0]]
    along = float(key @ direction)
    moves = [float((b.values[t] - a.values[t]).norm()) for b, a, t in zip(before, after, at, strict=True)]
    rows = []
    for i, (kind, prompt, _) in enumerate(asked):
        mine = before[i].keys[at[i]]
        share = float(mine @ direction) / along
        rows.append(
            KeyRow(
                kind=kind,
                prompt=prompt,
                token=str(handle.tokenizer.decode([before[i].ids[at[i]]])),
                cosine=float(mine @ key) / float(mine.norm() * key.norm()),
                share=share,
                across=float((mine - direction * (mine @ direction)).norm()) / abs(along),
                moved=moves[i] / moves[0],
                p_new_before=plain[i].view.target_new_probability,
                p_new_after=edited[i].view.target_new_probability,
            )
        )
    return tuple(rows)


def _says(handle: ModelHandle, value: Tensor, token: int) -> tuple[tuple[tuple[str, float], ...], int]:
    """Likeliest tokens of one MLP output, read alone through final norm and LM head, and the rank of a token."""
    with handle.lock, torch.inference_mode():
        p = head_logits(handle, normed(handle, value[None].to(handle.device, handle.dtype)))[0].softmax(dim=0)
    shares, tokens = top(p, TOP)
    words = [str(handle.tokenizer.decode([i])) for i in tokens.tolist()]
    return tuple(zip(words, shares.tolist(), strict=True)), int((p > p[token]).sum()) + 1
