"""Where the pieces of a run are done: in this process, or by workers of a Ray cluster. No torch, and no Ray either."""

from goldenlayers_core.runtime.engines.crew import Crew, Engine, Outcome, Piece, Seen, Worker
from goldenlayers_core.runtime.engines.local import Local
from goldenlayers_core.runtime.engines.on_ray import OnRay, Resources
from goldenlayers_core.runtime.engines.surroundings import ray_is_here

__all__ = ["Crew", "Engine", "Local", "OnRay", "Outcome", "Piece", "Resources", "Seen", "Worker", "ray_is_here"]
