"""Which tier first, which tier after a failure."""
