"""Lesson 2: the logit lens of one prompt. The causal trace is the job "token-trace"."""

from typing import TYPE_CHECKING

from goldenlayers_core.attribution.logit_lens import likeliest_through_depth
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.records import EditRequest, ModelSource
from goldenlayers_core.results.learn.recall import Depth

if TYPE_CHECKING:
    from goldenlayers_core.tasks.workbench import Workbench


def depth(bench: "Workbench", model: ModelSource, request: EditRequest) -> Depth:
    """What would be said after every layer. Raises RequestError for an empty prompt or one that is too long."""
    handle: ModelHandle = bench.model(model)
    tokens, top, probability, rank = likeliest_through_depth(handle, request.prompt)
    words = tuple(str(handle.tokenizer.decode([token])) for token in tokens.tolist())
    return Depth(
        model=handle.name,
        prompt=request.prompt,
        answer=words[-1],
        tokens=words,
        top=top.double().cpu().numpy(),
        probability=probability.double().cpu().numpy(),
        rank=rank.double().cpu().numpy(),
    )
