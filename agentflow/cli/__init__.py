"""The doors: parse, call, render."""
