"""Which checks a repository has, when neither the plan nor the configuration names any."""

from agentflow.checks.runners.discovery import Discovery, discover, discover_checks

__all__ = ["Discovery", "discover", "discover_checks"]
