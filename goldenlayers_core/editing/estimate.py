"""Key covariances, streamed: one pass through some tokens serves every layer asked for.

Two ways to come by the tokens: the model's own samples, whose keys are added up while they are being written (no text,
no download and no second pass), or the rows of a text. Where the sums are whole, a pass hands out how far it has come,
and one that starts from there ends with the same bits: samples under way are written again, but not added up again.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from goldenlayers_core.editing.moments import KeyMoments, PartialMoments
from goldenlayers_core.editing.settings import check_settings, setting
from goldenlayers_core.editing.suffix import checked_logits
from goldenlayers_core.errors import EditError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.hooks import keep_positions, record_inputs
from goldenlayers_core.models.kept import grow, last_position, running_cache
from goldenlayers_core.models.products import few_rows
from goldenlayers_core.models.shortage import spared
from goldenlayers_core.models.tokens import encode_prompt, encode_text, never_drawn
from goldenlayers_core.records import config_digest, digest_of

VERSION: Final = "moments-1"
SEEDS: Final = (
    *("The", "In", "It", "A", "This", "He", "She", "They", "We", "You", "I", "There", "When", "If", "For", "As"),
    *("At", "On", "After", "But", "And", "One", "Many", "How", "What", "Some", "All", "From", "To", "By", "No", "Our"),
)
MOST_WIDE: Final = 65536  # numbers of a key: its second moments take 16 GiB
_PENDING: Final = 1024  # keys of a layer that are added up in one product

Report = Callable[[int, int, str], None]
Keep = Callable[[PartialMoments], None]


@dataclass(frozen=True, slots=True)
class SampleConfig:
    """How the model's own samples are drawn."""

    n_tokens: int = setting(
        10240, "Tokens", "Whose keys are added up, at most; some 7 per direction do.", 64, 10**8, 1024
    )
    length: int = setting(80, "Length", "Tokens of each sample.", 8, 4096, 32)
    temperature: float = setting(1.0, "Temperature", "1: as the model itself would say it.", 0.1, 5.0, 0.1)
    seed: int = setting(0, "Seed", "Equal seeds give equal samples.", 0, 2**31 - 1, 1)

    def __post_init__(self) -> None:
        check_settings(self)


def sample_origin(config: SampleConfig) -> str:
    """Digest of everything that decides which tokens a model writes."""
    return digest_of([config_digest(config), list(SEEDS), VERSION])


def text_origin(text: str) -> str:
    """Digest of a text, as a source of tokens."""
    return digest_of([text, VERSION])


class _Sums:
    """C of several layers as it grows: keys are collected and added up by the thousand."""

    def __init__(
        self, handle: ModelHandle, layers: Sequence[int], start: PartialMoments | None, keep: Keep | None
    ) -> None:
        """Raises EditError for layers that are not the model's, and for a start of another pass."""
        for layer in layers:
            handle.check_layer(layer)
        self.handle = handle
        self.number = torch.float64 if handle.dtype == torch.float64 else torch.float32
        widths = {layer: handle.shape(handle.mlp_out(layer))[1] for layer in layers}
        if (widest := max(widths.values())) > MOST_WIDE:
            raise EditError(
                f"The keys of {handle.name} have {widest:,} numbers each, whose second moments would take "
                f"{4 * widest**2 / 2**30:,.0f} GiB a layer; take a method, or the setting, without covariance."
            )
        self.sums = {layer: torch.zeros(d, d, dtype=self.number, device=handle.device) for layer, d in widths.items()}
        self.pending: dict[int, list[Tensor]] = {layer: [] for layer in layers}
        self.waiting = self.n_tokens = 0
        self.keep = keep
        if start is not None:
            self._go_on(start)

    def _go_on(self, start: PartialMoments) -> None:
        shapes = {layer: (total.shape, total.dtype) for layer, total in start.sums.items()}
        if shapes != {layer: (total.shape, total.dtype) for layer, total in self.sums.items()}:
            raise EditError("The sums to go on from are of another model or other layers; start anew.")
        self.sums = {layer: start.sums[layer].to(self.handle.device) for layer in self.sums}
        self.n_tokens = start.n_tokens

    def mark(
        self, done: int, steps: int = 0, drawn: Sequence[Tensor] = (), generator: torch.Generator | None = None
    ) -> None:
        """The pass has come so far: it is handed out where no key waits to be added up."""
        if self.keep is not None and not self.waiting:
            tokens = torch.stack(list(drawn)) if drawn else torch.zeros(0, 0, dtype=torch.int64)
            dice = generator.get_state() if generator is not None else torch.zeros(0, dtype=torch.uint8)
            self.keep(PartialMoments(dict(self.sums), self.n_tokens, done, steps, tokens, dice))

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Inside, one forward pass without padding: its keys are collected."""
        with record_inputs({f"{layer}": self.handle.mlp_out(layer) for layer in self.sums}) as seen:
            yield
        count = 0
        for layer in self.sums:
            keys = seen[f"{layer}"].reshape(-1, len(self.sums[layer])).to(self.number)
            self.pending[layer].append(keys)
            count = len(keys)
        self.waiting += count
        self.n_tokens += count
        if self.waiting >= _PENDING:
            self.flush()

    def flush(self) -> None:
        for layer, total in self.sums.items():
            if self.pending[layer]:
                keys = torch.cat(self.pending[layer])
                total.addmm_(keys.T, keys)
                self.pending[layer] = []
        self.waiting = 0

    def moments(self, source: str, origin: str) -> dict[int, KeyMoments]:
        self.flush()
        found = {}
        for layer, total in self.sums.items():
            second = (total / self.n_tokens).float().cpu()
            if not bool(torch.isfinite(second).all()):
                raise EditError(
                    f"The keys of layer {layer} of {self.handle.name} have numbers that are not finite; load the model "
                    "as float32 or bfloat16."
                )
            found[layer] = KeyMoments(layer, second, self.n_tokens, source, origin=origin)
        return found


def moments_of_samples(
    handle: ModelHandle,
    layers: Sequence[int],
    config: SampleConfig,
    progress: Report | None = None,
    start: PartialMoments | None = None,
    keep: Keep | None = None,
) -> dict[int, KeyMoments]:
    """C of every layer over the model's own samples. The handle's lock is held during each step only.

    Samples begin with the model's own special tokens and the first token of a common word; special tokens are never
    drawn. `start`: what `keep` was given by an earlier pass of the same model, layers and config. Raises whatever
    `progress(done, total, note)`, called after every step, raises.
    """
    sums, generator = _Sums(handle, layers, start, keep), torch.Generator().manual_seed(config.seed)
    if start is not None:
        generator.set_state(start.dice)
    length = min(config.length, last_position(handle) + 1)
    wanted, most = max(1, config.n_tokens // length), spared(128 if handle.device.type == "cpu" else 512)
    starts = [encode_prompt(handle.tokenizer, word) for word in SEEDS]
    common = min(map(len, starts))
    special = never_drawn(handle.tokenizer, handle.vocabulary_size)

    def draw(logits: Tensor) -> Tensor:
        return _drawn(checked_logits(handle, logits.float()).cpu(), special, config.temperature, generator)

    done = start.done if start is not None else 0
    while done < wanted:
        under_way = start is not None and start.done == done and len(start.drawn)
        count = start.drawn.shape[1] if start is not None and under_way else min(most, wanted - done)
        rows = torch.tensor([starts[(done + i) % len(starts)][:common] for i in range(count)], dtype=torch.int64)
        again = start if start is not None and start.done == done else None
        for steps, drawn in _written(handle, sums, rows, length, draw, again):
            sums.mark(done, steps, drawn, generator)
            if progress:
                progress(sums.n_tokens, wanted * length, "Keys of the model's own samples")
        done += count
    sums.flush()
    sums.mark(done, generator=generator)
    return sums.moments("the model's own samples", sample_origin(config))


def _written(
    handle: ModelHandle,
    sums: _Sums,
    rows: Tensor,
    length: int,
    draw: Callable[[Tensor], Tensor],
    again: PartialMoments | None,
) -> Iterator[tuple[int, list[Tensor]]]:
    """Samples that begin with `rows` (samples, positions), up to `length`: after each forward pass, how many are added
    up and the tokens drawn so far. Of those that were under way, `again`, the first passes are not added up again."""
    cache, here = running_cache(handle), torch.arange(len(rows), device=handle.device)
    drawn, steps, at = (list(again.drawn), again.steps, 0) if again is not None else ([], 0, 0)
    for step in itertools.count():
        last = torch.full_like(here, rows.shape[1] - 1)
        kept = keep_positions(handle.head, here, last)  # of the first pass, which has several positions
        watched = nullcontext() if step < steps else sums.watching()
        with handle.lock, torch.no_grad(), few_rows(handle), watched, kept:
            out = grow(handle, rows.to(handle.device), cache, at)
        at += rows.shape[1]
        yield max(step + 1, steps), drawn
        if at >= length:
            return
        if step == len(drawn):
            drawn.append(draw(out.logits[0]))
        rows = drawn[step][:, None]


def _drawn(logits: Tensor, special: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
    """(rows,) one token each, none of them special: where the cumulative probability passes a uniform number.

    One uniform number a row; torch's own `multinomial` draws one for every word of the vocabulary.
    """
    chances = logits.index_fill_(1, special, -torch.inf).div_(temperature).softmax(dim=1).cumsum(dim=1)
    uniform = torch.rand(len(chances), 1, generator=generator) * chances[:, -1:]
    return torch.searchsorted(chances, uniform).clamp(max=chances.shape[1] - 1)[:, 0]


def moments_of_text(
    handle: ModelHandle,
    layers: Sequence[int],
    text: str,
    source: str,
    n_tokens: int,
    length: int = 192,
    progress: Report | None = None,
    start: PartialMoments | None = None,
    keep: Keep | None = None,
) -> dict[int, KeyMoments]:
    """C of every layer over the first `n_tokens` tokens of a text, cut into rows of `length`.

    Each row begins with the tokenizer's own special tokens. `start`: what `keep` was given by an earlier pass of the
    same model, layers and text. Raises EditError for a text too short for one row, and whatever `progress` raises.
    """
    sums = _Sums(handle, layers, start, keep)
    length = min(length, last_position(handle) + 1)
    whole = encode_text(handle.tokenizer, SEEDS[0])
    before = whole[: len(whole) - len(handle.tokenizer(SEEDS[0], add_special_tokens=False)["input_ids"])]
    # a token is hardly ever longer than 16 characters: what lies beyond need not be read
    plain = handle.tokenizer(text[: 16 * n_tokens], add_special_tokens=False)["input_ids"][:n_tokens]
    step = length - len(before)
    rows = [(*before, *plain[at : at + step]) for at in range(0, len(plain) - step + 1, step)]
    if not rows:
        raise EditError(
            f"The text of {source} has {len(plain)} tokens; give one of at least {step}, better of some ten thousand."
        )
    budget = spared(512 if handle.device.type == "cpu" else 32768)  # a second or so: between two a cancel is felt
    size = max(1, budget // length)
    for at in range(start.done if start is not None else 0, len(rows), size):
        ids = torch.tensor(rows[at : at + size], dtype=torch.int64, device=handle.device)
        first = torch.zeros(1, dtype=torch.int64, device=handle.device)
        with handle.lock, torch.no_grad(), keep_positions(handle.head, first, first), sums.watching():
            handle.model(input_ids=ids, use_cache=False)
        sums.mark(min(at + size, len(rows)))
        if progress:
            progress(sums.n_tokens, len(rows) * length, f"Keys of {source}")
    sums.flush()
    sums.mark(len(rows))
    return sums.moments(source, text_origin(text))
