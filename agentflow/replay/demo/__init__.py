"""The demo: a small repository with a failing feature, and the model's words for building it."""

from __future__ import annotations

from pathlib import Path

#: What the demo asks for.
GOAL = "Finish the till: print a receipt for an order, with happy hour"
#: The scenario that answers; everything in it may be killed and resumed.
SCENARIO = Path(__file__).with_name("scenario.yaml")
