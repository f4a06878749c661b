"""The story of a run, told top to bottom."""
