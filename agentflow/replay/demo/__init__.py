"""The demo: a small repository with a failing feature, and the model's words that build it."""
