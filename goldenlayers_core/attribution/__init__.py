"""Layer scores from gradients, and the choice of the golden layer."""
