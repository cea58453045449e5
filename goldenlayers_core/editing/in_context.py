"""In-context editing: the fact is told to the model before every prompt (the baseline of Zheng et al. 2023, IKE).

    p(y | x)  becomes  p(y | prefix, x),       prefix = "Imagine that {fact}. In this world, {fact}.\\n"

No weight changes, there is no layer, and no optimisation: the edit is the text, {fact} being the prompt and the target.
On 16 proxy requests of the bundled model this wording made all rewrites take, where the fact said once ("Imagine that
{fact}.") made three of four. IKE itself adds 32 demonstrations that it retrieves from a training set by sentence
similarity; here there are none, as in EasyEdit's ICE.
"""

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from goldenlayers_core.editing.delta import Edit, make_edit
from goldenlayers_core.editing.method import MethodInfo
from goldenlayers_core.editing.rows import edit_rows
from goldenlayers_core.editing.settings import setting
from goldenlayers_core.editing.supplies import Supplies
from goldenlayers_core.editing.templates import MethodConfig
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.tokens import joined
from goldenlayers_core.records import EditRequest


@dataclass(frozen=True)
class InContextConfig(MethodConfig):
    """What is told."""

    keep_rest: bool = setting(False, "Keep the rest", "Also say that everything else stays as it is.")


def no_layer(_layer: int, _config: Any, _n_layers: int) -> tuple[int, ...]:
    """The layers that a prompt acts at: none."""
    return ()


def in_context(
    handle: ModelHandle,
    request: EditRequest,
    layer: int,
    config: InContextConfig,
    supplies: Supplies,
    progress: Callable[[int, int, str], None] | None = None,
) -> Edit:
    """The edit that puts the new fact before every prompt; `layer` and `supplies` make no difference.

    Raises RequestError (empty target, subject not in the prompt, prompt too long), and whatever `progress` raises.
    """
    edit_rows(handle, request, ("{}",), needs_subject=False)  # the checks that every method makes
    start = time.perf_counter()
    made = make_edit(handle, request, "ice", [], dataclasses.asdict(config), prefix=told(request, config))
    if progress:
        progress(1, 1, "Written")
    return dataclasses.replace(made, stages=(("prefix", time.perf_counter() - start),))


def told(request: EditRequest, config: InContextConfig) -> str:
    """The text put before every prompt, with a line break at its end."""
    rest = " Everything else is as it was." if config.keep_rest else ""
    fact = joined(request.prompt, request.target_new.rstrip())
    return f"Imagine that {fact}. In this world, {fact}.{rest}\n"


METHOD: Final = MethodInfo(
    name="ice",
    title="In-context editing",
    description="The new fact is put before every prompt (as in Zheng et al. 2023): a baseline that changes no weight.",
    config_class=InContextConfig,
    run=in_context,
    layers_of=no_layer,
    kind="prompt",
    literature="None: it acts at no layer.",
)
