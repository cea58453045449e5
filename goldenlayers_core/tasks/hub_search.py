"""Models of the hub by words. Importing this loads no torch."""

from goldenlayers_core.results.hub_models import HubModel


def search(words: str) -> tuple[HubModel, ...]:
    """What the hub has by these words, the most fetched first. Raises ModelNotFoundError where it cannot be asked."""
    from goldenlayers_core.models.hub_search import search as asked

    return asked(words)
