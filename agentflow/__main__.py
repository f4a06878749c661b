"""`python -m agentflow` is the `agentflow` command."""

from agentflow.cli.app import main

if __name__ == "__main__":
    main()
