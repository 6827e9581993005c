"""A grammar for replies that are calls of a tool. Worker side only.

A model on this machine is small, and mostly writes JSON that is nearly right. So a reply that
begins as a call goes on under a grammar made of the tools' schemas, and can only end as a whole
call. Names, types and choices are the schema's; ranges of numbers and lengths are judged later.

The grammar looks at every token of the vocabulary for each one that it writes (6 ms for SmolLM2's
49,152, on one core); replies in plain words, which is nearly all of them, are written without it.
"""

import functools
import logging

from llama_cpp.llama_grammar import json_schema_to_gbnf

logger = logging.getLogger(__name__)

CALL_BEGINS = '{"tool": "'
"""What every call begins with (`voxd.engines.llm.plain`): written for the model."""
_UNKNOWN = (ValueError, AssertionError, NotImplementedError, LookupError, TypeError, RecursionError)
"""How the converter refuses what it does not know."""


@functools.lru_cache(maxsize=64)
def call_grammar(schema: str) -> str:
    """The grammar, in llama.cpp's own language, of values that a JSON schema describes.

    Empty where llama.cpp cannot make one (a pattern that it does not know): then the model writes
    as it likes, and arguments are judged all the same.
    """
    try:
        return str(json_schema_to_gbnf(schema))
    except _UNKNOWN:
        logger.warning("no grammar for these tools")
        return ""
