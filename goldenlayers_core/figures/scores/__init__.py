"""Which layer, by gradients: figures."""
