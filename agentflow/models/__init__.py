"""Talking to models: one session in, one result out."""
