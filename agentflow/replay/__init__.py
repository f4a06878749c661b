"""A local Messages API that replays scenarios and records traffic."""
