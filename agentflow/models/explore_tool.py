"""The `explore` tool: questions to agentflow's explorers, offered to a session by an in-process MCP server."""

from __future__ import annotations

from typing import Any

from agentflow.errors import AgentflowError
from agentflow.models.session import Explore

SERVER = "agentflow"
MAX_QUESTIONS = 8
_DESCRIPTION = (
    "Ask questions about this repository. Cheap explorers read the code in parallel and answer each question shortly, "
    f"citing file:line. Ask up to {MAX_QUESTIONS} precise, independent questions per call."
)
_SCHEMA = {
    "type": "object",
    "properties": {"questions": {"type": "array", "items": {"type": "string"}}},
    "required": ["questions"],
}


def explore_tool(explore: Explore) -> Any:
    """The tool, for an MCP server of the SDK."""
    from claude_agent_sdk import tool

    @tool("explore", _DESCRIPTION, _SCHEMA)
    async def ask(arguments: dict[str, Any]) -> dict[str, Any]:
        return await answer(explore, arguments.get("questions"))

    return ask


async def answer(explore: Explore, questions: object) -> dict[str, Any]:
    """The tool's result; what cannot be answered is a tool error the model can act on."""
    given = [questions] if isinstance(questions, str) else questions if isinstance(questions, list) else []
    asked = [question.strip() for question in given if isinstance(question, str) and question.strip()]
    if not 1 <= len(asked) <= MAX_QUESTIONS:
        return _text(f"ask 1 to {MAX_QUESTIONS} questions a call, this call has {len(asked)}", is_error=True)
    try:
        return _text(await explore(asked))
    except AgentflowError as error:
        return _text(f"exploring failed: {error.message}", is_error=True)


def _text(text: str, *, is_error: bool = False) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": text}], "is_error": is_error}
