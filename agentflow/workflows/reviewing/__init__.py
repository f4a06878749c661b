"""The steps of a review; its story is `workflows/review.py`."""
