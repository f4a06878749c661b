"""The ledger: what ran, what it proved, what it cost."""
