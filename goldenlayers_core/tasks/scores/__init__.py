"""Which layer, by gradients: work."""
