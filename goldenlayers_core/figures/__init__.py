"""Results in, plotly figures out: titles say the finding, subtitles the definition, the number and the provenance.

No torch, no streamlit. Layer scores: `scores_heatmap`, `totals_bars`, `best_layer_distribution`, `request_profile`,
`compare_runs`; predicted ones: `part_heatmap`, `prediction_profile`. Edits: `top_tokens`, `probe_changes`,
`panel_strip`, `guard_curve`, `lens_curves`, `lens_parts`, `rate_bars`, `travel_grid`, `travel_tokens`, `fact_panels`,
`fact_tokens`. Real edits: `layer_card`, `regret_bars`, `metric_curves`, `sweep_heatmap`, `best_layers`,
`request_layers`, `agreement_scatter`, `generalisation_matrix`, `needed_curves`, `compare_sweeps`. Causal traces:
`token_heatmap`, `trace_curves`. All come wrapped for a phone; `fit_width` uses a wider screen; `to_html`, `to_png`,
`alt_text` take a figure elsewhere.
"""

from goldenlayers_core.figures.edit.answers import probe_changes, top_tokens
from goldenlayers_core.figures.edit.fact_layers import fact_panels, fact_tokens
from goldenlayers_core.figures.edit.lens import lens_curves, lens_parts
from goldenlayers_core.figures.edit.many_edits import rate_bars
from goldenlayers_core.figures.edit.panel import guard_curve, panel_strip
from goldenlayers_core.figures.edit.travel import travel_grid, travel_tokens
from goldenlayers_core.figures.export import alt_text, to_html, to_pictures, to_png
from goldenlayers_core.figures.frame import evened, fit_width, untitled
from goldenlayers_core.figures.scores.cells import ORDERS, Order
from goldenlayers_core.figures.scores.compare import compare_runs
from goldenlayers_core.figures.scores.heatmap import scores_heatmap
from goldenlayers_core.figures.scores.layers import best_layer_distribution, totals_bars
from goldenlayers_core.figures.scores.parts import part_heatmap, prediction_profile
from goldenlayers_core.figures.scores.request import request_profile
from goldenlayers_core.figures.scores.scale import SCALES, Scale
from goldenlayers_core.figures.scores.selection import mean_value
from goldenlayers_core.figures.scores.trace import token_heatmap, trace_curves
from goldenlayers_core.figures.screen import for_screen
from goldenlayers_core.figures.theme import TEMPLATE_DARK, TEMPLATE_LIGHT, figure_template
from goldenlayers_core.figures.truth.best_layers import best_layers
from goldenlayers_core.figures.truth.card import layer_card
from goldenlayers_core.figures.truth.compared import compare_sweeps
from goldenlayers_core.figures.truth.curves import agreement_scatter, metric_curves
from goldenlayers_core.figures.truth.needed import needed_curves
from goldenlayers_core.figures.truth.race import race
from goldenlayers_core.figures.truth.regret import generalisation_matrix, regret_bars
from goldenlayers_core.figures.truth.request import request_layers
from goldenlayers_core.figures.truth.sweep import sweep_heatmap

__all__ = [
    "ORDERS",
    "SCALES",
    "TEMPLATE_DARK",
    "TEMPLATE_LIGHT",
    "Order",
    "Scale",
    "agreement_scatter",
    "alt_text",
    "best_layer_distribution",
    "best_layers",
    "compare_runs",
    "compare_sweeps",
    "evened",
    "fact_panels",
    "fact_tokens",
    "figure_template",
    "fit_width",
    "for_screen",
    "generalisation_matrix",
    "guard_curve",
    "layer_card",
    "lens_curves",
    "lens_parts",
    "mean_value",
    "metric_curves",
    "needed_curves",
    "panel_strip",
    "part_heatmap",
    "prediction_profile",
    "probe_changes",
    "race",
    "rate_bars",
    "regret_bars",
    "request_layers",
    "request_profile",
    "scores_heatmap",
    "sweep_heatmap",
    "to_html",
    "to_pictures",
    "to_png",
    "token_heatmap",
    "top_tokens",
    "totals_bars",
    "trace_curves",
    "travel_grid",
    "travel_tokens",
    "untitled",
]
