"""Tables about the daemon and its machine. Asks the system how many cores there are."""

import os
from typing import Literal, Self

from pydantic import Field, IPvAnyNetwork, model_validator

from voxd.settings.table import Table


class Server(Table):
    """`[server]`: where the daemon listens and how much it takes."""

    host: str = "127.0.0.1"
    port: int = Field(8080, ge=0, le=65535)
    public_url: str = Field("", pattern=r"^(https?://[^/\s?#]+)?$")
    max_calls: int = Field(100, ge=1, le=1000)
    max_streams_per_address: int = Field(100, ge=1, le=1000)
    tls_cert: str = ""
    tls_key: str = ""
    trusted_proxies: tuple[IPvAnyNetwork, ...] = ()
    drain_s: float = Field(30.0, ge=0, le=3600)

    @model_validator(mode="after")
    def certificate_has_its_key(self) -> Self:
        if bool(self.tls_cert) != bool(self.tls_key):
            raise ValueError("tls_cert and tls_key belong together: give both or none")
        return self


class Health(Table):
    """`[health]`: how engines are watched, seconds."""

    probe_s: float = Field(2.0, ge=0.1, le=600)
    idle_probe_s: float = Field(300.0, ge=0, le=86_400)
    probe_limit_s: float = Field(5.0, ge=0.1, le=60)


class Local(Table):
    """`[local]`: the model workers."""

    cores: int = Field(0, ge=0, le=1024)
    heartbeat_s: float = Field(0.25, ge=0.05, le=5)
    silent_s: float = Field(1.25, ge=0.2, le=60)
    start_s: float = Field(60.0, ge=1, le=600)
    restart_max_s: float = Field(10.0, ge=0.1, le=600)
    queue: int = Field(32, ge=1, le=10_000)
    shadow_calls: int = Field(2, ge=0, le=1000)

    def core_count(self) -> int:
        """Processor cores that the workers may use together."""
        if self.cores:
            return self.cores
        if hasattr(os, "sched_getaffinity"):  # what a container or a unit was given
            return len(os.sched_getaffinity(0))
        return os.cpu_count() or 1

    @model_validator(mode="after")
    def silence_is_longer(self) -> Self:
        if self.silent_s < 3 * self.heartbeat_s:
            raise ValueError("silent_s must be at least three times heartbeat_s")
        return self


class Cache(Table):
    """`[cache]`: speech that was rendered once."""

    directory: str = "var/speech"
    reply_characters: int = Field(100, ge=0, le=500)


class Log(Table):
    """`[log]`."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "text", "json"] = "auto"
