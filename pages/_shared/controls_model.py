"""Widgets that say which model to load -> ModelSource."""

from typing import Final

import streamlit as st

from goldenlayers_core.models.naming import source_title
from goldenlayers_core.records import ModelSource
from goldenlayers_core.tasks.fits import device_choices
from goldenlayers_core.tasks.workbench import LocalModel
from pages._shared import cached, discovery, hub_search, jobs, served, session, show_model
from pages._shared.wording import escape, size

BUNDLED: Final = "Bundled"
HUB: Final = "Hugging Face hub"
LOCAL: Final = "Folder or GGUF file"
DTYPES: Final = ("auto", "float32", "bfloat16", "float16", "float64")
_ABOUT: Final = {
    BUNDLED: "SmolLM2-135M-Instruct came with the set-up and needs no network. The very first load converts it, which "
    "takes some seconds; later ones take about a second.",
    HUB: "The files are downloaded once and then read from this machine. Only safetensors weights are read, and no "
    "code of a repository is ever run. For a gated or private model, set HF_TOKEN before starting Golden Layers.",
    LOCAL: "A folder as transformers saves models (config.json, tokenizer, .safetensors), or one .gguf file, on the "
    "machine that runs Golden Layers.",
}


def source() -> ModelSource | None:
    """The model that was asked for with the Load button, else None."""
    if served.mode().demo:
        return _listed()
    kind = st.segmented_control(
        "Where the model comes from",
        (BUNDLED, HUB, LOCAL),
        default=BUNDLED,
        required=True,
        key="model-kind",
        persist_state="session",
    )
    st.caption(_ABOUT[kind or BUNDLED])
    if kind == HUB:
        hub_search.offer()
    with st.form("load-model"):
        name, revision = _name(kind or BUNDLED)
        device, dtype = _how()
        with st.container(horizontal=True):
            pressed = st.form_submit_button("Load", type="primary", icon=":material/download:", key="model-load")
            asked = st.form_submit_button("Does it fit?", icon=":material/memory:", key="model-fits")
            examined = kind != BUNDLED and st.form_submit_button(
                "Examine",
                icon=":material/troubleshoot:",
                key="model-examine",
            )
    if not (pressed or asked or examined):
        return None
    if not name.strip():
        st.error("No model was named; write its hub name or its path first.", icon=":material/error:")
        return None
    named = ModelSource(name.strip(), revision.strip() or None, device, dtype)
    if asked:
        show_model.fit(named)
    elif examined:
        discovery.submit(named)
        st.rerun()
    return named if pressed else None


def _listed() -> ModelSource | None:
    """Of a demo: one of the models it allows."""
    mode = served.mode()
    here = [model.source for model in cached.workbench().models_here()]
    names = list(dict.fromkeys((*here, *(name for name in mode.models if "*" not in name))))
    st.caption(f"This demo uses only the models {escape(', '.join(names))}; they are loaded as they are.")
    with st.form("load-model"):
        name = st.selectbox("Model", names, key="model-name", persist_state="session")
        pressed = st.form_submit_button("Load", type="primary", icon=":material/download:", key="model-load")
    return ModelSource(name) if pressed and name else None


def _name(kind: str) -> tuple[str, str]:
    """(source, revision)"""
    if kind == BUNDLED:
        return "bundled", ""
    if kind == LOCAL:
        path = st.text_input("Path", key="model-path", placeholder="/models/my-model", persist_state="session")
        return path or "", ""
    left, right = st.columns([2, 1])
    name = left.text_input("Hub name", key="model-hub", placeholder="Qwen/Qwen3-0.6B", persist_state="session")
    revision = right.text_input(
        "Revision (optional)",
        key="model-revision",
        placeholder="main",
        persist_state="session",
        help="A branch, tag or commit of the repository. Empty: its main branch.",
    )
    return name or "", revision or ""


def _how() -> tuple[str, str]:
    """(device, dtype)"""
    left, right = st.columns(2)
    device = left.selectbox(
        "Device",
        device_choices(),
        key="model-device",
        accept_new_options=True,
        persist_state="session",
        help="auto takes a CUDA GPU where there is one, else the processor. cuda:1 and the like can be typed; "
        "cuda:0+cuda:1 spreads the layers over several GPUs. With "
        "+disk behind it (cpu+disk, cuda:0+disk), layers that do not fit are kept in memory or on disk, which is slow.",
    )
    dtype = right.selectbox(
        "Number format (dtype)",
        DTYPES,
        key="model-dtype",
        persist_state="session",
        help="auto is float32 on a processor and the checkpoint's own format on a GPU. bfloat16 halves the memory and "
        "makes the scores less exact.",
    )
    return device or "auto", dtype or "auto"


def on_this_machine() -> None:
    """The models that load without a network, each with a button; a demo has named them already."""
    if served.mode().demo:
        return
    st.header("Already on this machine")
    found = _worth_listing(cached.workbench().models_here())
    if not found:
        st.markdown("No model yet. The bundled one comes with `make app`; hub models stay here once they are loaded.")
    chosen = session.model() if session.card() else None
    for model in found:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.markdown(
                f"**{escape(title(model))}**  \n:small[{escape(model.where)}, {size(model.n_bytes)}]", width="stretch"
            )
            in_use = chosen is not None and chosen.source == model.source
            if st.button(
                "In use" if in_use else "Load", key=f"model-here-{model.source}-{model.where}", disabled=in_use
            ):
                jobs.submit_model(ModelSource(model.source))
                st.rerun()


def title(model: LocalModel) -> str:
    """What to call a model of this machine."""
    return source_title(model.source) + (" (bundled)" if model.source == "bundled" else "")


def _worth_listing(models: tuple[LocalModel, ...]) -> list[LocalModel]:
    """Without the conversion of the bundled model, which is the bundled model."""
    stems = [m.where.rsplit(", ", 1)[-1].removesuffix(".gguf") for m in models if m.source == "bundled"]
    return [m for m in models if not (m.where == "converted" and any(stem in m.source for stem in stems))]
