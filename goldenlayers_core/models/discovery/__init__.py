"""An architecture without a row, examined by structure and numeric probes: a proposed row, or why there is none."""
