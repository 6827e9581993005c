"""What all handlers share. It exists before the models are warm, so that health can answer."""

from collections import Counter
from dataclasses import dataclass, field

from aiohttp import web

from voxd.config import Config
from voxd.lookup.directory import Directory
from voxd.runtime import Runtime, Stage
from voxd.server.admission import Admission
from voxd.server.crowd import Crowd
from voxd.server.gone import GoneCalls
from voxd.server.guard import Guard
from voxd.server.outbound import OutboundCalls
from voxd.server.turn_calls import TurnCalls
from voxd.telemetry.outcome import Direction

MAX_HALF_OPEN = 32
"""Bound of the media sockets that have not shown a token yet; more are answered 503."""
MAX_HALF_OPEN_PER_ADDRESS = 16
"""The same for one address: one that knows how to sign must not keep all others out."""


@dataclass(slots=True)
class ServerState:
    """The one mutable object of the server."""

    config: Config
    guard: Guard
    stage: Stage = Stage.STARTING
    runtime: Runtime | None = None
    """None until everything is warm."""
    admission: Admission | None = None
    """None until everything is warm."""
    half_open: Crowd = field(init=False)
    """Media sockets that have not shown a valid token yet."""
    streams: Crowd = field(init=False)
    """Media sockets, those that are calls included."""
    directory: Directory = field(init=False)
    """Who answers which call; by the config file alone until everything is warm."""
    outbound: OutboundCalls = field(init=False)
    """Calls that we had placed."""
    turn_calls: TurnCalls = field(init=False)
    """Calls by TwiML turns."""
    refused_calls: Counter[str] = field(default_factory=Counter)
    """Calls that found no room, not in turns either, by reason: a few constant words."""
    refused_sockets: Counter[str] = field(default_factory=Counter)
    """Media sockets that became no call, by reason: a few constant words."""
    gone: GoneCalls = field(default_factory=GoneCalls)
    """Calls that are over at Twilio's."""

    def __post_init__(self) -> None:
        server = self.config.server
        self.half_open = Crowd(MAX_HALF_OPEN, MAX_HALF_OPEN_PER_ADDRESS)
        self.streams = Crowd(server.max_calls + MAX_HALF_OPEN, server.max_streams_per_address)
        self.directory = Directory(self.config)
        self.outbound = OutboundCalls(self.config.telephony.calls_per_minute)
        self.turn_calls = TurnCalls(self.config.twiml.max_calls)

    def open(self, runtime: Runtime) -> None:
        """Everything is warm: take calls."""
        self.runtime = runtime
        self.admission = Admission(runtime)
        self.directory = Directory(runtime.config, runtime.lookup)
        self.stage = Stage.READY

    def direction(self, call_sid: str) -> Direction:
        """Who called whom."""
        is_ours = self.outbound.find(call_sid) is not None
        return Direction.OUTBOUND if is_ours else Direction.INBOUND

    def change(self, runtime: Runtime) -> None:
        """Lead calls that come from now on by another config; those that run keep theirs.

        Args:
            runtime: the one that was opened, with another config (and clients for it).
        """
        assert self.admission is not None  # it was opened
        self.config, self.runtime = runtime.config, runtime
        self.admission.change(runtime)
        self.directory.change(runtime.config, runtime.lookup)
        self.turn_calls.change(runtime.config.twiml.max_calls)

    def drain(self) -> None:
        """Take no new calls."""
        self.stage = Stage.DRAINING


STATE = web.AppKey("state", ServerState)
