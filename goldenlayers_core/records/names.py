"""The words that settings and facts are made of. No torch, no numpy."""

from typing import Literal

ProbeKind = Literal["rewrite", "rephrase", "locality", "portability"]
Scope = Literal["mlp", "mlp_out", "attention", "block"]
OldAnswer = Literal["dataset", "model"]
LossOn = Literal["sequence", "answer"]
ScoreMethod = Literal["lga", "edit-aware", "line-check", "damage"]
KeyCovariance = Literal["identity", "samples", "text"]
TraceKind = Literal["hidden", "mlp", "attention"]

PROBE_KINDS: tuple[ProbeKind, ...] = ("rewrite", "rephrase", "locality", "portability")
SCOPES: tuple[Scope, ...] = ("mlp", "mlp_out", "attention", "block")
OLD_ANSWERS: tuple[OldAnswer, ...] = ("dataset", "model")
LOSSES_ON: tuple[LossOn, ...] = ("sequence", "answer")
SCORE_METHODS: tuple[ScoreMethod, ...] = ("lga", "edit-aware", "line-check", "damage")
COVARIANCES: tuple[KeyCovariance, ...] = ("identity", "samples", "text")
TRACE_KINDS: tuple[TraceKind, ...] = ("hidden", "mlp", "attention")
TRACE_POSITIONS: tuple[str, ...] = ("all", "subject")
MAX_PROMPT = 2_000
"""Most characters of a prompt, wherever it comes from: a page, the command line or a file."""
