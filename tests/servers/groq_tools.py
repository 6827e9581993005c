"""What Groq's server wants of tools in a request; it refuses everything else."""

from typing import Any

_FUNCTION = {"name", "description", "parameters"}


def are_tools(tools: object) -> bool:
    """Whether `tools` is a list of functions with a JSON schema each."""
    return isinstance(tools, list) and bool(tools) and all(map(_is_tool, tools))


def are_answered(messages: list[dict[str, Any]]) -> bool:
    """Whether every call is followed by its answers, and every answer follows its call."""
    awaited: set[str] = set()
    for message in messages:
        if message["role"] == "tool":
            if message.get("tool_call_id") not in awaited:
                return False
            awaited.discard(message["tool_call_id"])
            continue
        if awaited:
            return False
        calls = message.get("tool_calls", [])
        if not all(map(_is_call, calls)):
            return False
        awaited = {call["id"] for call in calls}
        if len(awaited) != len(calls):
            return False
    return not awaited


def _is_tool(tool: object) -> bool:
    if not isinstance(tool, dict) or tool.get("type") != "function":
        return False
    function = tool.get("function")
    if not isinstance(function, dict) or not set(function) <= _FUNCTION:
        return False
    schema = function.get("parameters")
    is_named = isinstance(function.get("name"), str) and isinstance(
        function.get("description"), str
    )
    return is_named and isinstance(schema, dict) and schema.get("type") == "object"


def _is_call(call: object) -> bool:
    if not isinstance(call, dict) or call.get("type") != "function" or not call.get("id"):
        return False
    function = call.get("function")
    return isinstance(function, dict) and all(
        isinstance(function.get(key), str) for key in ("name", "arguments")
    )
