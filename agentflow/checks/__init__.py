"""Finding, running and judging the commands that prove a subtask."""
