"""Which layer, by real edits: answers."""
