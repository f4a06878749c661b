"""The forms a review is given in: for people, for the next tool, for a pull request."""
