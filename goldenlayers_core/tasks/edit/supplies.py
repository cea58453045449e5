"""What a method is given beside the request: made once per model, and then read from the store."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from goldenlayers_core.editing import Edit, MethodInfo, Supplies, TemplateConfig, sample_templates, template_key
from goldenlayers_core.editing.value_settings import IDENTITY
from goldenlayers_core.errors import StoreError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks.covariance import moments_for
from goldenlayers_core.tasks.serial import restored

if TYPE_CHECKING:
    from goldenlayers_core.tasks.workbench import Workbench


def supplies_of(
    bench: "Workbench",
    handle: ModelHandle,
    method: MethodInfo,
    config: Any,
    layers: Sequence[int],
    progress: Progress,
    earlier: Sequence[Edit] = (),
) -> Supplies:
    """Everything `method` with this config needs to edit at any of `layers`; `earlier` is the stack below."""
    progress.update(0, 1, "Context templates")
    templates = _templates_of(bench, handle, config.templates)
    choice = getattr(config, "covariance", IDENTITY)
    if choice == IDENTITY:
        return Supplies(templates=templates, earlier=tuple(earlier))
    written = {at for layer in layers for at in method.layers_of(layer, config, handle.n_layers)}
    return Supplies(templates, moments_for(bench, handle, choice, sorted(written), progress), tuple(earlier))


def _templates_of(bench: "Workbench", handle: ModelHandle, config: TemplateConfig) -> tuple[str, ...]:
    """Context templates of this model, sampled once and then read from the store."""
    key = template_key(handle, config)
    if key in bench.store.names("templates"):
        try:
            return bench.store.read_json("templates", key, partial(restored, tuple[str, ...]))
        except StoreError:
            pass  # damaged: it is set aside, and sampled again
    templates = sample_templates(handle, config)
    bench.store.save_json("templates", key, list(templates))
    return templates
