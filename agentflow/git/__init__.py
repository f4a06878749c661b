"""Hardened git: every call to it goes through here."""
