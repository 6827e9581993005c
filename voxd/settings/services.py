"""Tables of what agents may ask of the operator's services. Pure."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from voxd.settings.table import Table
from voxd.settings.tools import judge_parameters
from voxd.settings.values import WebAddress


class Tool(Table):
    """`[tools.NAME]`: something that an agent can do by asking a service of the operator's."""

    url: Annotated[WebAddress, Field(min_length=1)]
    """Gets the arguments by POST."""
    description: str = Field(min_length=1, max_length=1000)
    """When to use it and what for, as the model reads it."""
    parameters: Annotated[dict[str, Any], AfterValidator(judge_parameters)] = Field(
        default_factory=lambda: {"type": "object", "properties": {}}
    )
    """JSON schema of the arguments."""
    deadline_s: float = Field(5.0, ge=0.1, le=30)
    is_idempotent: bool = False
    """To ask twice does no more than to ask once: asked again when the first time failed."""
