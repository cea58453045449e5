"""Language models: an architecture table, loading, tokens, and the only hooks in the house."""

from goldenlayers_core.models.architectures import Architecture, architecture_of, known_architectures
from goldenlayers_core.models.handle import ModelHandle
from goldenlayers_core.models.loading import load_model

__all__ = ["Architecture", "ModelHandle", "architecture_of", "known_architectures", "load_model"]
