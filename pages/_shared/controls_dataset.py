"""Widgets that say which dataset to look at, and which part of it to use -> DatasetChoice."""

import dataclasses
from typing import Final

import streamlit as st

from goldenlayers_core.datasets import MAX_BYTES, CatalogueEntry, catalogue
from goldenlayers_core.errors import DatasetError
from goldenlayers_core.places import is_path
from goldenlayers_core.records import Dataset, EditRequest
from goldenlayers_core.tasks import DatasetChoice, KnowledgeQuestion, UploadCard
from goldenlayers_core.tasks.questions import Split
from goldenlayers_core.tasks.workbench import part_of
from pages._shared import cached, jobs, link, link_here, served, session, upload
from pages._shared.wording import count, escape, sentence, shorten, when

READY: Final = "Ready-made"
OWN: Final = "Your own file"
_SPLITS: Final = {"proxy": "Proxy dataset", "test": "Test set", "all": "Everything"}


def dataset() -> str | None:
    """The name of the dataset to look at; None while there is none to show."""
    _from_address()
    kind = st.segmented_control(
        "Where the facts come from",
        (READY, OWN),
        default=OWN if session.choice().dataset.startswith("upload-") else READY,
        required=True,
        key="dataset-kind",
        persist_state="session",
    )
    return _ready_made() if kind == READY else _own()


def _from_address() -> None:
    """Look at the part of a dataset that the address names; it is in use only once its button is pressed."""
    text = link.take("dataset")
    found = link_here.dataset(text) if text else None
    if found is None:
        return
    state, name = st.session_state, found.dataset
    if is_path(name):  # neither ready-made nor uploaded: it has no row to choose
        session.choose_dataset(found)
        return
    own = name.startswith("upload-")
    state["dataset-kind"] = OWN if own else READY
    state[upload.SHOWN if own else "dataset-entry"] = name
    available = len(part_of(cached.dataset(name), found.split))
    state[f"part-split-{name}"] = found.split
    state[f"part-limit-{name}-{found.split}"] = min(found.limit or available, available)
    state[f"part-known-{name}"] = found.known_only


def _ready_made() -> str | None:
    mode = served.mode()
    entries = {entry.name: entry for entry in catalogue() if mode.allows_dataset(entry.name)}
    if not entries:
        st.info("This demo has no ready-made datasets; upload a file of your own.", icon=":material/info:")
        return None
    names = list(entries)
    chosen = session.choice().dataset
    name = st.selectbox(
        "Dataset",
        names,
        index=names.index(chosen) if chosen in names else 0,
        format_func=lambda n: _title(entries[n]),
        key="dataset-entry",
        persist_state="session",
    )
    entry = entries[name]
    st.caption(f"{escape(entry.description)} Licence: {escape(entry.licence)}.")
    if entry.where == "bundled" or cached.workbench().is_open(name):
        return name
    st.markdown("It is on the Hugging Face hub. It is fetched once, and afterwards read from this machine.")
    if not st.button("Fetch it", key=f"fetch-{name}", icon=":material/download:"):
        return None
    try:
        with st.spinner(f"Fetching {name}"):
            cached.dataset(name)
    except DatasetError as error:
        st.error(sentence(error), icon=":material/error:")
        return None
    return name


def _title(entry: CatalogueEntry) -> str:
    number = f", {count(entry.n_requests, 'request')}" if entry.n_requests else ""
    return f"{entry.title}{number}" + ("" if entry.where == "bundled" else " (from the hub)")


def _own() -> str | None:
    """The uploader, and earlier uploads."""
    mode = served.mode()
    most = min(MAX_BYTES // 2**20, mode.limits.upload_mib) if mode.demo else MAX_BYTES // 2**20
    st.file_uploader(
        f"A file of facts: CSV, TSV, JSON, JSON lines or Parquet, at most {most} MiB",
        key="dataset-file",
        max_upload_size=most,
        on_change=upload.take,
        help="CounterFact, MQuAKE, zsRE, WikiUpdate, UnKE and KnowEdit files are recognised by their content. In any "
        "other table you say which column means what.",
    )
    st.caption(
        f"This demo takes {count(mode.limits.uploads, 'file')} of at most {most} MiB together. {served.rules()}"
        if mode.demo
        else "The file stays on this machine: it goes to the program that shows this page, and nowhere else."
    )
    if upload.is_reading() or upload.waits_for_columns():
        return None
    cards = {card.reference: card for card in cached.workbench().upload_cards()}
    if not cards:
        return None
    if st.session_state.get(upload.SHOWN) not in cards:
        chosen = session.choice().dataset
        st.session_state[upload.SHOWN] = chosen if chosen in cards else next(iter(cards))
    return st.selectbox(
        "Uploaded files",
        list(cards),
        format_func=lambda ref: _upload_title(cards[ref], tuple(cards.values())),
        key=upload.SHOWN,
        persist_state="session",
    )


def _upload_title(card: UploadCard, cards: tuple[UploadCard, ...]) -> str:
    name = _told_apart(card.reference, shorten(card.name), cards)
    return f"{name}: {count(card.n_requests, 'request')}, uploaded {when(card.created)}"


def _told_apart(reference: str, name: str, cards: tuple[UploadCard, ...]) -> str:
    """An upload's name; with the beginning of its digest where another file of that name was uploaded, too."""
    twins = any(shorten(card.name) == name and card.reference != reference for card in cards)
    return f"{name} ({reference.removeprefix('upload-')[:6]})" if twins else name


def part(name: str, found: Dataset) -> DatasetChoice | None:
    """Which requests of it: split, number, and whether only facts that the model knows. None where none are left."""
    current = session.choice() if session.choice().dataset == name else None
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        split = st.segmented_control(
            "Part",
            tuple(_SPLITS),
            default=current.split if current else "proxy" if any(r.split for r in found.requests) else "all",
            required=True,
            format_func=_SPLITS.__getitem__,
            key=f"part-split-{name}",
            persist_state="session",
            help="The layer is chosen on the proxy dataset and judged on the test set; no subject is in both. Where "
            "the file names no split, a tenth of its subjects is the proxy dataset.",
        )
        try:
            available = len(part_of(found, split))
        except DatasetError as error:
            st.error(sentence(error), icon=":material/error:")
            return None
        if not available:
            st.error("Nothing is in this part; choose another one.", icon=":material/error:")
            return None
        limit = st.number_input(
            f"How many (of {available:,})",
            1,
            available,
            _usual_limit(current, split, available),
            key=f"part-limit-{name}-{split}",
            persist_state="session",
            width=220,
            help="So many from the start. Each further request makes the choice of the layer steadier.",
        )
    known = st.toggle(
        "Only facts that the model knows",
        current.known_only if current else False,
        key=f"part-known-{name}",
        persist_state="session",
        help="Keeps the requests whose true answer the model gives itself: changing a fact that it does not have shows "
        "little. Requests whose new answer it gives already are left out too.",
    )
    title = ""
    if name.startswith("upload-"):
        title = _told_apart(name, shorten(found.name), cached.workbench().upload_cards())
    return DatasetChoice(name, split, None if limit == available else int(limit), known, title)


def _usual_limit(current: DatasetChoice | None, split: Split, available: int) -> int:
    """What is in use, else 32: enough for a first look."""
    if current and current.split == split:
        return min(current.limit or available, available)
    return min(32, available)


def knowledge(chosen: DatasetChoice) -> None:
    """What the model knows of the chosen part, and the button that asks it."""
    if not chosen.known_only:
        return
    bench, model = cached.workbench(), session.model()
    everything = dataclasses.replace(chosen, known_only=False, limit=None)
    counts = bench.knowledge_counts(model, bench.requests(everything, model).requests)
    job = jobs.follow("knowledge")
    if counts is None:
        st.info("To know what the model knows, it has to be loaded.", icon=":material/info:")
        st.page_link("pages/model.py", label="Load a model", icon=":material/memory:")
        return
    if counts.n_asked:
        st.markdown(
            f"Of {count(counts.n_asked, 'request')} that the model was asked, it knows **{counts.n_known:,}**, does "
            f"not know **{counts.n_unknown:,}**, and gives the new answer already for **{counts.n_no_op:,}**."
        )
    if counts.n_asked < counts.n_requests and not (job and job.active):
        left = count(counts.n_requests - counts.n_asked, "request")
        if st.button(f"Ask the model {left}", key="ask-knowledge", icon=":material/quiz:"):
            title = f"Asking the model about {everything.words}"
            jobs.submit("knowledge", KnowledgeQuestion(model, everything), title)
            st.rerun()


def listed(chosen: DatasetChoice) -> tuple[EditRequest, ...]:
    """The requests of a part, before the filter by what the model knows (which needs the model)."""
    return cached.workbench().requests(dataclasses.replace(chosen, known_only=False), session.model()).requests


def use_label(chosen: DatasetChoice) -> str:
    """What the button says."""
    return "Use those of them that the model knows" if chosen.known_only else f"Use {_these(len(listed(chosen)))}"


def _these(number: int) -> str:
    return "this request" if number == 1 else f"these {number:,} requests"
