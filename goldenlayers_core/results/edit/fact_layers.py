"""One fact written into every layer in turn, each time into the unedited model: a report per layer."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from goldenlayers_core.results.edit.report import EditReport, View

FOLLOWED = 10  # next tokens that bars follow over the layers


@dataclass(frozen=True)
class FactLayers:
    """The layers measured so far; all of them when `missing` is empty."""

    model: str
    method: str
    n_layers: int  # of the model
    wanted: tuple[int, ...]  # layers asked for, ascending
    reports: tuple[EditReport, ...]  # ascending by layer; `before` is the same in all
    failed: tuple[tuple[int, str], ...] = ()  # layer and one sentence

    @property
    def layers(self) -> tuple[int, ...]:
        """Those with a report, ascending."""
        return tuple(report.layer for report in self.reports)

    @property
    def missing(self) -> tuple[int, ...]:
        """Those that were not tried yet."""
        tried = {*self.layers, *(layer for layer, _ in self.failed)}
        return tuple(layer for layer in self.wanted if layer not in tried)

    @property
    def taking(self) -> tuple[int, ...]:
        """Layers where the prompt gets its new answer."""
        return tuple(report.layer for report in self.reports if report.took)

    @property
    def best(self) -> tuple[int, ...]:
        """The layers of the highest score."""
        scores = [score(report) for report in self.reports]
        return tuple(report.layer for report, s in zip(self.reports, scores, strict=True) if s >= max(scores) - 1e-9)

    def at(self, layer: int) -> EditReport | None:
        """The report of a layer; None where it was not measured."""
        return next((report for report in self.reports if report.layer == layer), None)

    def followed(self) -> tuple[str, ...]:
        """The next tokens that are likeliest at any layer, or before: FOLLOWED of them, highest first."""
        most: dict[str, float] = {}
        for view in (*(report.after for report in self.reports), *(r.before for r in self.reports[:1])):
            for token, probability in view.top_tokens:
                most[token] = max(most.get(token, 0.0), probability)
        return tuple(sorted(most, key=lambda token: -most[token])[:FOLLOWED])

    def to_frame(self) -> pd.DataFrame:
        """One row per (layer, probe)."""
        if not self.reports:
            return pd.DataFrame()
        return pd.concat(
            [report.to_frame().assign(layer=report.layer, score=score(report)) for report in self.reports],
            ignore_index=True,
        )


def score(report: EditReport) -> float:
    """Mean of the shares of probes as wished over the kinds that were asked: the sweep's score, of one request."""
    return float(np.mean([good / total for good, total in report.rates().values()]))


def probability_of(view: View, token: str) -> float | None:
    """A next token's probability; None where it is not among those that were kept."""
    return dict(view.top_tokens).get(token)
