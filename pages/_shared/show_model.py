"""A loaded model on the page."""

from typing import Final

import pandas as pd
import streamlit as st

from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.figures.memory import memory_bars
from goldenlayers_core.figures.text import counted
from goldenlayers_core.models.architectures import ARCHITECTURES
from goldenlayers_core.models.presets import PRESETS
from goldenlayers_core.records import ModelSource
from goldenlayers_core.results.fit import fit_table
from goldenlayers_core.tasks import ModelCard
from goldenlayers_core.tasks.fits import fit_of
from goldenlayers_core.tasks.literature import published_layer
from pages._shared import cached, session, show
from pages._shared.wording import escape, parameters, sentence, size

_SCOPES: Final = {
    "mlp": "every matrix of the MLP (the default of the scores)",
    "mlp_out": "the MLP's output matrix, which editing methods write to",
    "attention": "every matrix of the attention",
    "block": "all of them",
}


def card(model: ModelCard) -> None:
    """Its numbers, as a person compares them."""
    st.header(escape(model.name))
    with st.container(horizontal=True, gap="medium"):
        _number(
            "Layers", f"{model.n_layers}", f"Numbered 0 to {model.n_layers - 1}; 0 is the first after the embedding."
        )
        _number("Width", f"{model.hidden_size:,}", "Numbers per token that flow from layer to layer.")
        _number("Parameters", parameters(model.n_parameters), f"{model.n_parameters:,} in all.")
        _number("Memory", size(model.n_bytes), "Of the weights, as loaded. They are never changed by an edit.")
        _number("Vocabulary", f"{model.vocabulary_size:,}", "Tokens the model can read and write.")
    facts = {
        "Architecture": f"{escape(model.architecture)} (model type {escape(model.model_type)})"
        + (", by a discovered row that was accepted" if model.accepted else ""),
        "Runs on": f"{escape(model.device)}, {escape(model.dtype)}{_spread(model)}",
        "Chat template": "yes; prompts are still given as plain text, not as a chat"
        if model.has_chat_template
        else "none",
    }
    if model.quantised:
        facts["Weights"] = escape(model.quantised)
    st.markdown("  \n".join(f"**{name}:** {value}" for name, value in facts.items()))
    st.markdown(
        f"**Fingerprint:** `{model.fingerprint}`",
        help="A digest of the configuration and every weight. Stored results belong to a fingerprint, so a model with "
        "other weights never gets another one's scores, and the same weights under another name keep theirs.",
    )
    with st.expander("Matrices of each layer", icon=":material/data_array:"):
        st.table(matrices(model), hide_index=True, border="horizontal")


def _number(label: str, value: str, explained: str) -> None:
    st.metric(label, value, help=explained, width="content")


def _spread(model: ModelCard) -> str:
    """How many layers stand where, of a model on several devices."""
    return "".join(f", {counted(layers, 'layer')} on {escape(device)}" for device, layers in model.spread)


def matrices(model: ModelCard) -> pd.DataFrame:
    """One row per scope: its name, what it means, the matrices it names."""
    return pd.DataFrame(
        {
            "Scope": [f"`{scope}`" for scope, _ in model.scopes],
            "What it is": [_SCOPES[scope] for scope, _ in model.scopes],
            "Matrices": [", ".join(f"`{path}`" for path in paths) for _, paths in model.scopes],
        }
    )


def fit(source: ModelSource) -> None:
    """Whether a model would fit, from its configuration alone: nothing is loaded."""
    try:
        with st.spinner("Reading its configuration"):
            found = fit_of(source, cached.workbench().root)
    except GoldenLayersError as error:
        st.error(sentence(error), icon=":material/error:")
        return
    if not found.outline.known:
        st.error(sentence(found.sentence), icon=":material/block:")
        return
    if not found.proposed:
        st.warning(sentence(found.sentence), icon=":material/memory:")
    show.figure(memory_bars(found, session.dark()), "memory", fit_table(found))
    facts = {
        "Family": f"{found.outline.family} (model type {found.outline.model_type})",
        "Licence": found.outline.licence or "not stated in its files",
        "To download": size(found.download) if found.download else "nothing",
        "Disk": ", ".join(f"{size(room.free)} free" for room in found.rooms if room.name == "disk"),
    }
    st.markdown("  \n".join(f"**{name}:** {escape(value)}" for name, value in facts.items()))


def presets() -> None:
    """Models of the hub that people edit, with what to know before one is fetched."""
    with st.expander("Models that people edit", icon=":material/list:"):
        st.table(preset_table(), hide_index=True, border="horizontal")
        st.caption(
            "Gated: accept the terms on the model's hub page and set HF_TOKEN. A revision is named where only it has "
            "weights as safetensors. The layer is the one that published "
            "configurations of ROME use, which is no advice: the scores and real edits of this program are."
        )


def preset_table() -> pd.DataFrame:
    """One row per model."""
    layers = [published_layer(one.model_type, one.n_layers, "rome") for one in PRESETS]
    return pd.DataFrame(
        {
            "Hub name": [f"`{one.name}`" + (f", revision `{one.revision}`" if one.revision else "") for one in PRESETS],
            "Parameters": [parameters(one.n_parameters) for one in PRESETS],
            "Layers": [one.n_layers for one in PRESETS],
            "Licence": [one.licence + (", gated" if one.gated else "") for one in PRESETS],
            "Published layer": [
                escape(source) if layer is None else f"{layer}: {escape(source)}" for layer, source in layers
            ],
        }
    )


def families() -> None:
    """The architectures that can be loaded."""
    with st.expander("Which models can be loaded", icon=":material/checklist:"):
        st.markdown(
            "Decoder-only language models of these families, from the hub, a folder or a GGUF file. Any other is "
            "refused with a sentence; its structure can be examined first (the button Examine), and what is found is "
            "used only if you accept it."
        )
        st.markdown(", ".join(f"{row.known_as}: `{row.model_type}`" for row in ARCHITECTURES) + ".")
        st.caption(
            "Without a network, the bundled model, folders, GGUF files and whatever the hub's cache holds still load; "
            "a hub name that is not on this machine does not."
        )
