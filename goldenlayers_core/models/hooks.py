"""The only file that registers hooks. Each is a context manager that removes what it set, whatever happens inside.

Sites are checked to be (batch, position, width); OPT's MLP is (batch * position, width), which is folded back, and
DeepSeek's compressed keys and values are (batch, 1, position, width).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from goldenlayers_core.errors import ModelError
from goldenlayers_core.models.spread import at_home

GradientSink = Callable[[str, Tensor, Tensor], None]
Change = Callable[[Tensor, Tensor], Tensor]


def first_tensor(output: Any) -> Tensor:
    """The hidden state in a module's output, whether it is a tensor or a tuple that begins with one."""
    found = output[0] if isinstance(output, tuple) else output
    if not isinstance(found, Tensor):
        raise ModelError(
            f"A hooked module returned {type(found).__name__}; a tensor, or a tuple that begins with one, is needed."
        )
    return found


def replace_first(output: Any, tensor: Tensor) -> Any:
    """`output` with its hidden state replaced."""
    return (tensor, *output[1:]) if isinstance(output, tuple) else tensor


def as_batch(tensor: Tensor, batch: int) -> Tensor:
    """(batch, position, width) view of a site, folding back a flattened (batch * position, width) or a single head."""
    if tensor.ndim == 4 and tensor.shape[:2] == (batch, 1):
        return tensor.squeeze(1)
    if tensor.ndim == 2 and batch > 0 and tensor.shape[0] % batch == 0:
        return tensor.view(batch, -1, tensor.shape[-1])
    if tensor.ndim != 3 or tensor.shape[0] != batch:
        raise ModelError(
            f"A hooked site has shape {tuple(tensor.shape)}; (batch, position, width) with batch {batch} is needed."
        )
    return tensor


@contextmanager
def grad_from(module: nn.Module) -> Iterator[list[Tensor]]:
    """Start the autograd graph at the output of `module` (parameters stay frozen); yields the list of graph leaves."""
    leaves: list[Tensor] = []

    def hook(_module: nn.Module, _args: Any, output: Any) -> Any:
        leaf = first_tensor(output).detach().requires_grad_(True)
        leaves.append(leaf)
        return replace_first(output, leaf)

    handle = module.register_forward_hook(hook)
    try:
        yield leaves
    finally:
        handle.remove()


@contextmanager
def watch_linears(sites: Mapping[str, nn.Module], batch: int, sink: GradientSink, home: bool = True) -> Iterator[None]:
    """Call `sink(site, inputs, output_gradient)` for every backward pass that runs through a site.

    inputs (batch, position, d_in), detached; output_gradient (batch, position, d_out). `home`: on the model's first
    device, wherever the site is; otherwise on the site's own.
    """

    def watch(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: Any, output: Any) -> None:
            inputs = as_batch(first_tensor(args).detach(), batch)

            def see(gradient: Tensor) -> None:
                pair = inputs, as_batch(gradient, batch)
                sink(name, *(at_home(module, tensor) if home else tensor for tensor in pair))

            first_tensor(output).register_hook(see)

        return hook

    with ExitStack() as stack:
        for name, module in sites.items():
            stack.callback(module.register_forward_hook(watch(name)).remove)
        yield


@contextmanager
def keep_positions(head: nn.Module, rows: Tensor, columns: Tensor) -> Iterator[None]:
    """Let only N chosen positions through the LM head: its input (batch, position, width) becomes (1, N, width)."""

    def hook(_module: nn.Module, args: Any) -> Any:
        return (first_tensor(args)[rows, columns][None], *args[1:])

    handle = head.register_forward_pre_hook(hook)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def record_inputs(sites: Mapping[str, nn.Module]) -> Iterator[dict[str, Tensor]]:
    """Keep, per site, the input of the last forward pass, detached."""
    seen: dict[str, Tensor] = {}

    def watch(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: Any, _output: Any) -> None:
            seen[name] = at_home(module, first_tensor(args).detach())

        return hook

    with ExitStack() as stack:
        for name, module in sites.items():
            stack.callback(module.register_forward_hook(watch(name)).remove)
        yield seen


@contextmanager
def record_arguments(sites: Mapping[str, nn.Module]) -> Iterator[dict[str, tuple[Tensor, ...]]]:
    """Keep, per site, every argument of the last forward pass, detached, in the order of the call."""
    seen: dict[str, tuple[Tensor, ...]] = {}

    def watch(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: Any, kwargs: Any) -> None:
            seen[name] = tuple(at_home(module, given.detach()) for given in (*args, *kwargs.values()))

        return hook

    with ExitStack() as stack:
        for name, module in sites.items():
            stack.callback(module.register_forward_pre_hook(watch(name), with_kwargs=True).remove)
        yield seen


@dataclass(frozen=True, eq=False)
class Call:
    """One call of a module during a forward pass."""

    site: str
    args: tuple[Any, ...]  # as it was called
    kwargs: Mapping[str, Any]
    given: Tensor | None
    """The hidden state that it was called with, a copy: its first argument, or `hidden_states`."""
    came: Tensor | None
    """What came out, a copy; None where that does not begin with a tensor."""
    is_tuple: bool


@contextmanager
def record_calls(sites: Mapping[str, nn.Module]) -> Iterator[list[Call]]:
    """Keep every call of these modules, in the order in which they end."""
    calls: list[Call] = []
    entered: dict[str, list[Tensor | None]] = {name: [] for name in sites}

    def copied(found: Any) -> Tensor | None:
        return found.detach().clone() if isinstance(found, Tensor) else None

    def enter(name: str) -> Callable[..., None]:
        def hook(_module: nn.Module, args: Any, kwargs: Any) -> None:  # before: what is called may add in place
            entered[name].append(copied(args[0] if args else kwargs.get("hidden_states")))

        return hook

    def leave(name: str) -> Callable[..., None]:
        def hook(_module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
            first = output[0] if isinstance(output, tuple) and output else output
            given = entered[name].pop()
            calls.append(Call(name, args, kwargs, given, copied(first), isinstance(output, tuple)))

        return hook

    with ExitStack() as stack:
        for name, module in sites.items():
            stack.callback(module.register_forward_pre_hook(enter(name), with_kwargs=True).remove)
            stack.callback(module.register_forward_hook(leave(name), with_kwargs=True).remove)
        yield calls


@contextmanager
def record_outputs(sites: Mapping[str, nn.Module]) -> Iterator[dict[str, Tensor]]:
    """Keep, per site, the output (hidden state) of the last forward pass: a copy, for Falcon adds to it in place."""
    seen: dict[str, Tensor] = {}

    def watch(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, _args: Any, output: Any) -> None:
            seen[name] = at_home(module, first_tensor(output).detach().clone())

        return hook

    with ExitStack() as stack:
        for name, module in sites.items():
            stack.callback(module.register_forward_hook(watch(name)).remove)
        yield seen


@contextmanager
def change_outputs(changes: Mapping[nn.Module, Change]) -> Iterator[None]:
    """Replace each module's output by `change(inputs, output)`, both as the module has them (2-D or 3-D), but on the
    model's first device."""

    def changed(change: Change) -> Callable[..., Any]:
        def hook(module: nn.Module, args: Any, output: Any) -> Any:
            given, came = first_tensor(args), first_tensor(output)
            return replace_first(output, change(at_home(module, given), at_home(module, came)).to(came.device))

        return hook

    with ExitStack() as stack:
        for module, change in changes.items():
            stack.callback(module.register_forward_hook(changed(change)).remove)
        yield


@contextmanager
def put_out(outputs: Mapping[nn.Module, Callable[[Tensor], Tensor]]) -> Iterator[None]:
    """Replace each module's output by a function of it alone: unlike `change_outputs`, however the module is called."""

    def changed(change: Callable[[Tensor], Tensor]) -> Callable[..., Any]:
        def hook(module: nn.Module, _args: Any, output: Any) -> Any:
            came = first_tensor(output)
            return replace_first(output, change(at_home(module, came)).to(came.device))

        return hook

    with ExitStack() as stack:
        for module, change in outputs.items():
            stack.callback(module.register_forward_hook(changed(change)).remove)
        yield


def passing_on(block_returns: str) -> Callable[..., Any]:
    """A block's `forward` that changes nothing. `block_returns` is the architecture's column: "tensor" or "tuple"."""

    def pass_on(hidden_states: Tensor, *_args: Any, **_kwargs: Any) -> Any:
        return (hidden_states, None) if block_returns == "tuple" else hidden_states

    return pass_on


@contextmanager
def start_at(blocks: Sequence[nn.Module], layer: int, hidden: Tensor, block_returns: str) -> Iterator[None]:
    """Skip the blocks below `layer` and feed it `hidden` (batch, position, width), computed before.

    The skipped blocks' `forward` is shadowed on the instance and restored on exit; no weight is touched.
    `block_returns` is the architecture's column: "tensor" or "tuple".
    """

    def feed(_module: nn.Module, args: Any, kwargs: Any) -> Any:
        return ((hidden, *args[1:]), kwargs) if args else (args, {**kwargs, "hidden_states": hidden})

    with ExitStack() as stack:
        stack.enter_context(forward_as({block: passing_on(block_returns) for block in blocks[:layer]}))
        stack.callback(blocks[layer].register_forward_pre_hook(feed, with_kwargs=True).remove)
        yield


@contextmanager
def forward_as(forwards: Mapping[nn.Module, Callable[..., Any]]) -> Iterator[None]:
    """Compute modules by other functions of the same result; on exit, what shadowed `forward` before comes back."""

    def restore(module: nn.Module, before: Any) -> None:
        module.__dict__.pop("forward", None)
        if before is not None:
            module.__dict__["forward"] = before

    with ExitStack() as stack:
        for module, forward in forwards.items():
            stack.callback(restore, module, module.__dict__.get("forward"))
            module.__dict__["forward"] = forward
        yield


def hooks_on(model: nn.Module) -> int:
    """How many forward hooks and shadowed forwards a model carries; 0 outside every context manager of ours."""
    return sum(
        len(module._forward_hooks) + len(module._forward_pre_hooks) + int("forward" in module.__dict__)
        for module in model.modules()
    )
