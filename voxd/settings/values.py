"""Kinds of values that several tables have. Pure."""

from typing import Annotated

from pydantic import Field

from voxd.placeholders import MAX_VALUE_CHARS

WebAddress = Annotated[
    str,
    Field(
        max_length=500,
        pattern=r"^(https://[^\s/]+(/\S*)?|http://(127\.0\.0\.1|localhost)(:[0-9]+)?(/\S*)?)?$",
    ),
]
"""`https`, or `http` on this machine; empty: none."""


ToolName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


VariableName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


VariableValue = Annotated[str, Field(max_length=MAX_VALUE_CHARS)]


Variables = Annotated[dict[VariableName, VariableValue], Field(max_length=32)]
"""What texts may name in braces -> what stands there; untrusted text."""
