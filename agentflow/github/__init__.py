"""Pull requests, through the user's own `gh`."""
