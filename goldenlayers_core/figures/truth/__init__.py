"""Which layer, by real edits: figures."""
