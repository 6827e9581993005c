"""What operators may ask of `/api/calls`: their requests' bodies, judged, and the refusals."""

from typing import Annotated, Any, Self, TypeVar

import orjson
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from voxd.config import Config, Variables, WebAddress
from voxd.server.forms import read_body
from voxd.twilio.orders import Detection

E164 = Annotated[str, Field(pattern=r"^\+[1-9][0-9]{6,14}$")]


class WantedCall(BaseModel):
    """The body of `POST /api/calls`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    to: E164
    from_: E164 = Field(alias="from")
    """A number of the account's; what `[numbers]` says of it holds for the call."""
    agent: str | None = Field(None, max_length=100)
    """A key of `[agents]`; None: who answers calls to `from`."""
    variables: Variables = Field(default_factory=dict)
    machine_detection: Detection | None = None
    """None: as `[telephony]` says."""


class Redirection(BaseModel):
    """The body of `PATCH /api/calls/{call_sid}`: one of the two."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    number: E164 | None = None
    """Who takes the call over, as `[agent.transfer]` has it but for the number."""
    url: Annotated[WebAddress, Field(min_length=1)] | None = None
    """Whose TwiML goes on with the call."""

    @model_validator(mode="after")
    def is_one(self) -> Self:
        if (self.number is None) == (self.url is None):
            raise ValueError("give number or url, one of the two")
        return self


Model = TypeVar("Model", bound=BaseModel)


async def read_wanted(request: web.Request, config: Config) -> WantedCall:
    """A call that is to be placed, with an agent and variables that the config has.

    Raises:
        web.HTTPException: as `read_model`.
    """
    wanted = await read_model(request, WantedCall)
    if wanted.agent is not None and wanted.agent not in config.agents:
        raise refused(web.HTTPBadRequest, "invalid", problems={"agent": "no such agent"})
    unknown = wanted.variables.keys() - config.variables.keys()
    if unknown:
        problems = {f"variables.{name}": "stands not under [variables]" for name in unknown}
        raise refused(web.HTTPBadRequest, "invalid", problems=problems)
    return wanted


async def read_model(request: web.Request, model: type[Model]) -> Model:
    """The body of a request.

    Raises:
        web.HTTPException: it is no JSON, is too large, did not come, or is not as the model has
            it; then `problems` says what is wrong with which field.
    """
    if request.content_type != "application/json":
        raise refused(web.HTTPUnsupportedMediaType, "json_expected")
    body = await read_body(request)
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        # Places and rules only: what was given may be a number.
        found = error.errors(include_url=False, include_input=False, include_context=False)
        problems = {
            ".".join(str(part) for part in item["loc"]) or "body": item["msg"] for item in found
        }
        raise refused(web.HTTPBadRequest, "invalid", problems=problems) from None


def refused(
    kind: type[web.HTTPException],
    error: str,
    *,
    headers: dict[str, str] | None = None,
    **more: Any,
) -> web.HTTPException:
    """An answer that says no, as JSON: one constant word, and what else is known."""
    text = orjson.dumps({"error": error, **more}, option=orjson.OPT_APPEND_NEWLINE).decode()
    return kind(text=text, content_type="application/json", headers=headers)
