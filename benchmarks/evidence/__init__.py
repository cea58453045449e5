"""docs/evidence.md, every number and picture of it, from the tables of real edits and of estimates; no model is run."""
