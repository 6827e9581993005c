"""`scripts/bench tools`: does the shipped language model use tools as it should?

Each sentence of a caller goes to the worker's own code with three tools offered, as a call on a
tier without a provider has it. Counted is what the reply is: words, or a call, of which tool, and
whether its arguments are what the tool's schema wants. The promise is only the last: whatever the
model means, a reply that begins as a call is one that can be done.
"""

import json
import time
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

from benches.daemon import CONFIG
from benches.stats import median
from voxd.commands import Message, ToolSpec
from voxd.engines.llm.plain import PlainReply, call_schema, plain_messages
from voxd.engines.local.llama_batch import LlamaBatch
from voxd.engines.local.llama_grammar import call_grammar
from voxd.engines.local.llama_request import Request, Text
from voxd.engines.local.llama_worker import open_batch
from voxd.schema import find_fault

SCHEMAS: dict[str, dict[str, Any]] = {
    "end_call": {"type": "object", "properties": {}, "additionalProperties": False},
    "transfer_call": {"type": "object", "properties": {}, "additionalProperties": False},
    "book_table": {
        "type": "object",
        "properties": {
            "people": {"enum": list(range(1, 13))},
            "day": {"enum": ["today", "tomorrow"]},
        },
        "required": ["people", "day"],
        "additionalProperties": False,
    },
}
TOOLS = tuple(
    ToolSpec(name, description, json.dumps(SCHEMAS[name]))
    for name, description in (
        ("end_call", "Hangs up. For when the caller says goodbye."),
        ("transfer_call", "Puts the caller through to a person."),
        ("book_table", "Books a table. Needs the number of people and the day."),
    )
)
SAID: tuple[tuple[str, str], ...] = (
    ("Goodbye.", "end_call"),
    ("That is all, thank you. Bye bye.", "end_call"),
    ("Nothing else, have a nice day.", "end_call"),
    ("Thanks for your help, goodbye.", "end_call"),
    ("I want to talk to a real person.", "transfer_call"),
    ("Can you put me through to somebody, please?", "transfer_call"),
    ("Get me a human.", "transfer_call"),
    ("Let me speak to the manager.", "transfer_call"),
    ("A table for two people today, please.", "book_table"),
    ("Please book a table for four for tomorrow.", "book_table"),
    ("We are six and want to eat at your place tonight.", "book_table"),
    ("Can I reserve for three people tomorrow?", "book_table"),
    ("When are you open?", ""),
    ("Where can I park?", ""),
    ("Do you have vegetarian food?", ""),
    ("How much is the lunch menu?", ""),
    ("Can I bring my dog?", ""),
    ("What is your address?", ""),
    ("Hello, how are you?", ""),
    ("Do you take credit cards?", ""),
)
"""What a caller says, and the tool that it asks for; empty: none."""
MAX_TOKENS = 60


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one sentence."""

    wanted: str
    """The tool; empty: none."""
    called: str
    """The tool; empty: the reply was words."""
    fault: str
    """What is wrong with the call; empty: nothing, or there is none."""
    seconds: float


@dataclass(frozen=True, slots=True)
class Result:
    """What the bench found."""

    outcomes: tuple[Outcome, ...]

    @property
    def is_good(self) -> bool:
        """No call was one that cannot be done."""
        return not any(outcome.fault for outcome in self.outcomes)

    def to_json(self) -> dict[str, Any]:
        """Counts, ready for `json.dumps`."""
        asked = [outcome for outcome in self.outcomes if outcome.wanted]
        others = [outcome for outcome in self.outcomes if not outcome.wanted]
        call_s = median([outcome.seconds for outcome in self.outcomes if outcome.called])
        return {
            "is_good": self.is_good,
            "wanted": len(asked),
            "right": sum(outcome.called == outcome.wanted for outcome in asked),
            "another": sum(outcome.called not in ("", outcome.wanted) for outcome in asked),
            "not_wanted": len(others),
            "called_all_the_same": sum(bool(outcome.called) for outcome in others),
            "cannot_be_done": sum(bool(outcome.fault) for outcome in self.outcomes),
            "call_median_s": None if call_s is None else round(call_s, 3),
            "called": dict(Counter(outcome.called or "words" for outcome in self.outcomes)),
        }


def run() -> Result:
    """Ask the shipped model everything, one sentence after the other."""
    raw = tomllib.loads(CONFIG.read_text(encoding="utf-8"))
    options = {**raw["engines"]["llamacpp"], "sequences": 1}
    options["model"] = str(CONFIG.parent / options["model"])
    batch = open_batch(options)
    prompt = raw["agent"]["prompt"].strip()
    numbers = count(1)
    return Result(tuple(_ask(batch, prompt, *pair, next(numbers)) for pair in SAID))


def judge(wanted: str, reply: str, seconds: float) -> Outcome:
    """What a reply is."""
    plain = PlainReply()
    plain.feed(reply)
    try:
        call = plain.finish()
    except ValueError:
        return Outcome(wanted, "?", "half a call", seconds)
    if call is None:
        return Outcome(wanted, "", "", seconds)
    schema = SCHEMAS.get(call.name)
    fault = "no such tool" if schema is None else find_fault(json.loads(call.arguments), schema)
    return Outcome(wanted, call.name, fault, seconds)


def show(result: Result) -> None:
    """A line for each figure."""
    found = result.to_json()
    print(f"asked for a tool, called it       {found['right']} of {found['wanted']}")
    print(f"asked for a tool, another called  {found['another']} of {found['wanted']}")
    kept = f"{found['called_all_the_same']} of {found['not_wanted']}"
    print(f"asked for none, one was called    {kept}")
    print(f"calls that cannot be done         {found['cannot_be_done']}")
    print(f"a call takes (median)             {found['call_median_s']} s")


def _ask(batch: LlamaBatch, prompt: str, said: str, wanted: str, number: int) -> Outcome:
    messages = plain_messages([Message("system", prompt, tools=TOOLS), Message("user", said)])
    request = Request(
        number,
        f"call {number}",
        messages,
        MAX_TOKENS,
        0.0,
        (0.0, 0.0, float(number)),
        1,
        call_grammar(call_schema(TOOLS)),
    )
    began = time.perf_counter()
    batch.submit(request)
    reply = "".join(_texts(batch))
    batch.release(request.call_id)
    return judge(wanted, reply, time.perf_counter() - began)


def _texts(batch: LlamaBatch) -> Iterator[str]:
    while batch.has_work:
        for answer in batch.step():
            if isinstance(answer, Text):
                yield answer.text
