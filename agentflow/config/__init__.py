"""Settings, agents and plans as people write them: one strict loader, one precedence."""
