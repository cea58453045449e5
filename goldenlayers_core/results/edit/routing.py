"""Where a mixture of experts sends the subject's last token, without and with an edit."""

from dataclasses import dataclass

Share = tuple[int, float]  # an expert, counted from 0, and the router's weight for it


@dataclass(frozen=True)
class RoutedLayer:
    """One layer with experts: those the token is sent to, by falling weight."""

    layer: int
    before: tuple[Share, ...]
    after: tuple[Share, ...]

    @property
    def moved(self) -> bool:
        """Whether the edit sends the token to other experts here."""
        return {expert for expert, _ in self.before} != {expert for expert, _ in self.after}


@dataclass(frozen=True)
class Routing:
    """The subject's last token in the edited prompt, at every layer that has experts."""

    written: int  # the layer that was written to
    shared: bool  # it was the expert that every token goes through
    layers: tuple[RoutedLayer, ...]

    @property
    def words(self) -> str:
        """One sentence: what was written to, and how far the routing above it changed."""
        here = next((routed for routed in self.layers if routed.layer == self.written), None)
        above = [routed for routed in self.layers if routed.layer > self.written]
        if here is None:
            said = f"Layer {self.written}, which was written to, has a plain MLP"
        else:
            to = ", ".join(f"{expert} ({weight:.2f})" for expert, weight in here.before)
            who = "its shared expert was written to" if self.shared else "which were written to"
            said = f"At layer {self.written} the subject's last token goes to experts {to}"
            said += f"; {who}" if self.shared else f", {who}"
        if not above:
            return f"{said}; no layer above it has experts."
        moved = [str(routed.layer) for routed in above if routed.moved]
        if not moved:
            return f"{said}; above it the token goes to the same experts as before."
        names = f"layer{'s' if len(moved) > 1 else ''} {', '.join(moved)}"
        return f"{said}; above it, with the edit, the token goes to other experts at {names} (of {len(above)} above)."
