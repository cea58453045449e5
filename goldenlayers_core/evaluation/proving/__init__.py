"""A proposed row held against the model itself, by the same code that scores, traces and edits."""
