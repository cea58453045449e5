"""Which layer, by real edits: work."""
