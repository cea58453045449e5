"""Edits as values: overlays, ROME and R-ROME, and the registry of methods."""

from goldenlayers_core.editing.delta import Codebook, Edit, Factors, from_arrays, to_arrays
from goldenlayers_core.editing.method import MethodInfo
from goldenlayers_core.editing.moments import KeyMoments
from goldenlayers_core.editing.overlay import batch_overlay, overlay
from goldenlayers_core.editing.registry import get_method, methods
from goldenlayers_core.editing.rome import RomeConfig, rome
from goldenlayers_core.editing.supplies import Supplies
from goldenlayers_core.editing.templates import TemplateConfig, sample_templates, template_key

__all__ = [
    "Codebook",
    "Edit",
    "Factors",
    "KeyMoments",
    "MethodInfo",
    "RomeConfig",
    "Supplies",
    "TemplateConfig",
    "batch_overlay",
    "from_arrays",
    "get_method",
    "methods",
    "overlay",
    "rome",
    "sample_templates",
    "template_key",
    "to_arrays",
]
