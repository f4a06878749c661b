"""What people and programs see: live view, text, JSON."""
