"""An architecture without a row, examined by its structure and by numeric probes: a proposed row, or why there is none."""
