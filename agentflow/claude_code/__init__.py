"""At home in Claude Code: what runs inside a person's own session."""
