"""Models of the hub by words: what it says of each, and no file of any."""

import threading
from typing import Any, Final

import httpx2
from huggingface_hub import HfApi, constants
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

from goldenlayers_core.errors import ModelNotFoundError, UnknownArchitectureError
from goldenlayers_core.models.architectures import row_named
from goldenlayers_core.models.hub import endpoint, token
from goldenlayers_core.results.hub_models import HubModel

MOST: Final = 12  # models that are shown
SECONDS: Final = 15.0  # the hub's client itself would wait for ever
_TOLD: Final[tuple[Any, ...]] = ("config", "gated", "safetensors", "tags")


def search(words: str, seconds: float = SECONDS) -> tuple[HubModel, ...]:
    """The models with safetensors weights whose name holds the words, those fetched most often first.

    Raises ModelNotFoundError, in one sentence, where there are no words, offline mode is set (nothing is asked then),
    or the hub does not answer within `seconds`.
    """
    if not words.strip():
        raise ModelNotFoundError("No words were given; write a part of a model's name.")
    if constants.is_offline_mode():
        raise ModelNotFoundError(
            "The hub is not asked while HF_HUB_OFFLINE is set; unset it and start again, or load a model by its folder."
        )
    found = _answer(words.strip(), seconds)
    return tuple(_model(info) for info in found)


def _answer(words: str, seconds: float) -> list[Any]:
    """What the hub says within so many seconds; a thread that waits longer is left behind."""
    answer: list[list[Any]] = []
    failed: list[Exception] = []

    def ask() -> None:
        try:
            api = HfApi(endpoint=endpoint(), token=token())
            asked = api.list_models(search=words, filter="safetensors", sort="downloads", limit=MOST, expand=[*_TOLD])
            answer.append(list(asked))
        except Exception as error:  # told in the caller's thread
            failed.append(error)

    asking = threading.Thread(target=ask, name="hub search", daemon=True)
    asking.start()
    asking.join(seconds)
    if answer:
        return answer[0]
    if failed and not isinstance(
        failed[0], (httpx2.HTTPError, HfHubHTTPError, OfflineModeIsEnabled, OSError, ValueError, LookupError, TypeError)
    ):
        raise failed[0]
    reason = type(failed[0]).__name__ if failed else f"no answer within {seconds:g} s"
    raise ModelNotFoundError(
        f"The model hub cannot be searched ({reason}); check the network, or write a model's name or folder."
    )


def _model(info: Any) -> HubModel:
    config = info.config if isinstance(info.config, dict) else {}
    model_type = str(config.get("model_type") or "")
    tags = [str(tag) for tag in info.tags or ()]
    return HubModel(
        name=str(info.id),
        n_parameters=int(info.safetensors.total) if info.safetensors is not None else 0,
        licence=next((tag.removeprefix("license:") for tag in tags if tag.startswith("license:")), ""),
        gated=bool(info.gated),
        model_type=model_type,
        against=_against(model_type) if model_type else "",
    )


def _against(model_type: str) -> str:
    try:
        row_named(model_type)
    except UnknownArchitectureError as error:
        return str(error)
    return ""
