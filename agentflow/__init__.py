"""Runs teams of Claude Code agents on a coding task and proves what they did."""

__version__ = "0.1.0"
