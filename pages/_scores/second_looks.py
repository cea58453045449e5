"""Beside LGA's pick: those of the other ways to compute it, and of simpler estimates. Folded in by default."""

import streamlit as st

from goldenlayers_core.results import LayerScores, Selection
from goldenlayers_core.results.scores.baselines import picks_frame
from goldenlayers_core.results.scores.robustness import choices_table, sentence
from goldenlayers_core.tasks.scores.second_looks import other_estimates, other_ways
from pages._shared import cached
from pages._shared.wording import escape


def second_looks(scores: LayerScores, selection: Selection) -> None:
    """One sentence on what the pick depends on, and an expander with every pick; nothing for another method."""
    ways = cached.once(other_ways, scores, selection)
    estimates = cached.once(other_estimates, scores, selection)
    if not estimates:
        return
    if ways:
        st.markdown(escape(sentence(ways)))
    with st.expander("Other ways to compute LGA, and other estimates", icon=":material/alt_route:"):
        if ways:
            st.markdown("**Layers picked by LGA**, by what the paper leaves open:")
            st.table(choices_table(ways), hide_index=True, border="horizontal")
            st.caption(
                f"Fences: Tukey's with k = {selection.fence_factor:g}, quartiles by interpolation, as on the card. "
                "Midpoint: quartiles by midpoint. None: no layer is set aside. Mean, sum: of a loss over its tokens."
            )
        else:
            st.markdown("This run holds one reading of LGA; score again for both.")
        st.markdown("**Layers picked by other estimates**, from the same passes:")
        found = picks_frame(estimates)
        st.table(
            found[["title", "golden_layer"]].set_axis(["Estimate", "Layer"], axis=1),
            hide_index=True,
            border="horizontal",
        )
        st.caption("  \n".join(f"{one.info.title}: {escape(one.info.definition)}" for one in estimates))
