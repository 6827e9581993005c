"""What a look-up answered, judged as strictly as the config file. Pure."""

import orjson
from pydantic import ValidationError

from voxd.config import Config, Number
from voxd.errors import VoxdError

MAX_BYTES = 16 * 1024
"""Bound of an answer: 32 variables of 200 characters and some words."""


class NoAnswer(VoxdError):
    """A look-up failed. `reason` is a constant word for logs; `key` what was wrong, or empty."""

    def __init__(self, reason: str, key: str = "") -> None:
        self.reason = reason
        self.key = key
        super().__init__(f"look-up failed: {reason}")


def decode_answer(body: bytes, config: Config) -> Number:
    """The keys of a number that an answer gives.

    Raises:
        NoAnswer: it is no JSON object, has a key or a value that a number could not have, or
            names what the config does not.
    """
    try:
        answer = Number.model_validate(orjson.loads(body))
    except orjson.JSONDecodeError:
        raise NoAnswer("no_json") from None
    except ValidationError as error:
        place = error.errors(include_url=False, include_input=False)[0]["loc"]
        # The service's own words stay out of the log.
        key = str(place[0]) if place and place[0] in Number.model_fields else "another"
        raise NoAnswer("invalid", key) from None
    unknown = {
        "tier": answer.tier is not None and answer.tier not in config.tiers,
        "agent": answer.agent is not None and answer.agent not in config.agents,
        "language": answer.language is not None and answer.language not in config.phrases_of,
        "variables": bool(answer.variables.keys() - config.variables.keys()),
    }
    for key, is_unknown in unknown.items():
        if is_unknown:
            raise NoAnswer("unknown", key)
    return answer
