"""Results in, plotly figures out: titles say the finding, subtitles the definition, the number and the provenance.

No torch, no streamlit. `scores_heatmap`, `totals_bars`, `best_layer_distribution`, `request_profile`, `top_tokens`,
`probe_changes` and `compare_runs` draw, wrapped for a phone; `fit_width` uses a wider screen; `to_html`, `to_png` and
`alt_text` take a figure elsewhere.
"""

from goldenlayers_core.figures.compare import compare_runs
from goldenlayers_core.figures.edits import probe_changes, top_tokens
from goldenlayers_core.figures.export import alt_text, to_html, to_png
from goldenlayers_core.figures.frame import fit_width
from goldenlayers_core.figures.heatmap import ORDERS, Order, scores_heatmap
from goldenlayers_core.figures.layers import best_layer_distribution, totals_bars
from goldenlayers_core.figures.request import request_profile
from goldenlayers_core.figures.scale import SCALES, Scale
from goldenlayers_core.figures.theme import PALETTE, TEMPLATE_DARK, TEMPLATE_LIGHT, figure_template

__all__ = [
    "ORDERS",
    "PALETTE",
    "SCALES",
    "TEMPLATE_DARK",
    "TEMPLATE_LIGHT",
    "Order",
    "Scale",
    "alt_text",
    "best_layer_distribution",
    "compare_runs",
    "figure_template",
    "fit_width",
    "probe_changes",
    "request_profile",
    "scores_heatmap",
    "to_html",
    "to_png",
    "top_tokens",
    "totals_bars",
]
