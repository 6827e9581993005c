"""`voxd history`, `voxd show` and `voxd stats`: reads, computes, prints."""

import argparse
import asyncio
import json
from collections.abc import Callable
from typing import Any

from rich.console import Console

from voxd.config import Config, load_config
from voxd.engines.registry import settings_types
from voxd.errors import RecordsError
from voxd.history.reading import Filter, Reader, as_json, open_reader
from voxd.history.show import show_call, show_history, show_stats
from voxd.history.stats import sum_up
from voxd.records.opening import spill_folder
from voxd.records.place import find_place
from voxd.records.spill import count_waiting

Say = Callable[[str], None]
"""Takes text for whoever asked."""
WIDTH = 110
"""Columns where the output is no terminal."""


def run_history(args: argparse.Namespace, say: Say) -> int:
    """Run one of the three, as `arguments.add_commands` parsed it; returns the exit status.

    Raises:
        ConfigError: the config cannot be used.
        RecordsError: the records cannot be read.
    """
    config = load_config(args.config, settings_types())
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = WIDTH
    found = asyncio.run(_answer(config, args, console))
    if args.json:
        say(json.dumps(found, indent=2, ensure_ascii=False))
        return 0
    folder = spill_folder(config)
    if folder is not None and (waiting := count_waiting(folder)):
        console.print(f"[yellow]{waiting} more calls wait on disk for the database[/]")
    return 0


async def _answer(config: Config, args: argparse.Namespace, console: Console) -> Any:
    """Print what was asked for, or return it for programs."""
    place = find_place(config)
    if place is None:
        raise RecordsError("no records are kept: [records] database is empty")
    async with open_reader(place) as reader:
        match args.command:
            case "show":
                return await _show(reader, args, console)
            case "stats":
                return await _stats(reader, args, console)
            case _:
                return await _history(reader, args, console)


async def _history(reader: Reader, args: argparse.Namespace, console: Console) -> Any:
    calls = await reader.last_calls(_filter(args), args.last)
    if not args.json:
        show_history(console, calls)
    return as_json(calls)


async def _show(reader: Reader, args: argparse.Namespace, console: Console) -> Any:
    call = await reader.find_call(args.id)
    turns = await reader.turns_of(call["call_id"])
    if not args.json:
        show_call(console, call, turns)
    return {"call": as_json([call])[0], "turns": as_json(turns)}


async def _stats(reader: Reader, args: argparse.Namespace, console: Console) -> Any:
    wanted = _filter(args)
    stats = sum_up(await reader.calls(wanted), await reader.turns_of_calls(wanted))
    if not args.json:
        show_stats(console, stats)
    return {"since": args.since.isoformat() if args.since else None, **stats.to_json()}


def _filter(args: argparse.Namespace) -> Filter:
    return Filter(args.since, args.tier, args.agent, args.tenant)
