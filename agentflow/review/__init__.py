"""The pure half of a review: what to read, how to show it, what to believe. No I/O, no models."""
