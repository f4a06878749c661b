"""The words of the design as plain data: no I/O."""
