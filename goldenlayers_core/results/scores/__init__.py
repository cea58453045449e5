"""Which layer, by gradients: answers."""
