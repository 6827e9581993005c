"""`scripts/bench tools`: does the shipped language model use tools as it should?

Each sentence of a caller goes to the worker's own code, as a call on a tier without a provider has
it: with three tools that the model is only told of, with examples of them as well, and with
examples of a single tool. No example is one of the sentences. Counted is what the reply is: words,
or a call, of which tool, and whether its arguments are what the tool's schema wants. The promise is
only the last: whatever the model means, a reply that begins as a call is one that can be done.
"""

import json
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from rich.console import Console
from rich.table import Table

from benches.daemon import CONFIG
from benches.stats import median
from voxd.commands import Message, ToolSpec
from voxd.config import load_config
from voxd.dialog.conversation import system_prompt
from voxd.dialog.tools import example_turns
from voxd.engines.llm.plain import PlainReply, call_schema, head_length, plain_messages
from voxd.engines.local.llama_batch import LlamaBatch
from voxd.engines.local.llama_grammar import call_grammar
from voxd.engines.local.llama_request import Request, Text
from voxd.engines.local.llama_worker import open_batch
from voxd.engines.registry import settings_types
from voxd.schema import find_fault
from voxd.settings.examples import Example

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
BOOKED = {
    "said": "A table for eight today.",
    "tool": "book_table",
    "arguments": {"people": 8, "day": "today"},
    "answer": "Booked, number 12.",
    "reply": "It is booked, your number is 12.",
}
BOOKED_TOO = {
    "said": "We are five and come tomorrow.",
    "tool": "book_table",
    "arguments": {"people": 5, "day": "tomorrow"},
    "answer": "Booked, number 31.",
    "reply": "It is booked, your number is 31.",
}
LATE = {"said": "How late are you there?", "reply": "We are here until six in the evening."}
SELLS = {"said": "What do you sell?", "reply": "We sell bread and cake, fresh every day."}
EXAMPLES = (
    {"said": "I need to speak to someone.", "tool": "transfer_call"},
    SELLS,
    BOOKED,
    {"said": "Okay, bye then.", "tool": "end_call"},
)
"""Those of an agent with every tool; what comes last is copied most."""
WAYS: dict[str, tuple[tuple[ToolSpec, ...], tuple[dict[str, Any], ...]]] = {
    "3 tools, told": (TOOLS, ()),
    "3 tools, shown": (TOOLS, EXAMPLES),
    "1 tool, shown": (TOOLS[2:], (SELLS, BOOKED, LATE, BOOKED_TOO)),
}
"""What the model is offered and shown."""
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
    way: str = ""
    """One of `WAYS`."""

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


def run() -> tuple[Result, ...]:
    """Ask the shipped model everything, one sentence after the other, in each way."""
    config = load_config(CONFIG, settings_types())
    raw = tomllib.loads(CONFIG.read_text(encoding="utf-8"))
    options = {**raw["engines"]["llamacpp"], "sequences": 1}
    options |= {"idle_threads": 1, "cores": 1}
    options["model"] = str(CONFIG.parent / options["model"])
    batch = open_batch(options)
    numbers = count(1)
    results = []
    for way, (tools, examples) in WAYS.items():
        turns = example_turns(map(Example.model_validate, examples))
        system = Message("system", system_prompt(config), tools=tools, examples=turns)
        outcomes = tuple(_ask(batch, system, *pair, next(numbers)) for pair in said_to(tools))
        results.append(Result(outcomes, way))
    return tuple(results)


def said_to(tools: tuple[ToolSpec, ...]) -> tuple[tuple[str, str], ...]:
    """What a caller says to an agent that has these tools; others cannot be asked for."""
    names = {"", *(tool.name for tool in tools)}
    return tuple(pair for pair in SAID if pair[1] in names)


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


def show(results: Sequence[Result]) -> None:
    """A column for each way, a line for each figure."""
    table = Table("", *(result.way for result in results), box=None)
    found = [result.to_json() for result in results]
    for line, key, of in (
        ("asked for a tool, called it", "right", "wanted"),
        ("asked for a tool, another called", "another", "wanted"),
        ("asked for none, one was called", "called_all_the_same", "not_wanted"),
    ):
        table.add_row(line, *(f"{figures[key]} of {figures[of]}" for figures in found))
    cannot = (str(figures["cannot_be_done"]) for figures in found)
    table.add_row("calls that cannot be done", *cannot)
    table.add_row("a call takes (median), s", *(str(it["call_median_s"]) for it in found))
    Console().print(table)


def _ask(batch: LlamaBatch, system: Message, said: str, wanted: str, number: int) -> Outcome:
    request = Request(
        number,
        "bench",
        plain_messages([system, Message("user", said)]),
        MAX_TOKENS,
        0.0,
        (0.0, 0.0, float(number)),
        1,
        call_grammar(call_schema(system.tools)),
        head_length([system]),
    )
    began = time.perf_counter()
    batch.submit(request)
    reply = "".join(_texts(batch))
    seconds = time.perf_counter() - began
    batch.release(request.call_id)
    return judge(wanted, reply, seconds)


def _texts(batch: LlamaBatch) -> Iterator[str]:
    while batch.has_work:
        for answer in batch.step():
            if isinstance(answer, Text):
                yield answer.text
