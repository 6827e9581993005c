"""Table of what the operator is told without asking. Pure."""

from pydantic import Field

from voxd.settings.table import Table
from voxd.settings.values import WebAddress


class Alerts(Table):
    """`[alerts]`: the operator's own service that is told of latency violations, seconds."""

    url: WebAddress = ""
    deadline_s: float = Field(5.0, ge=0.1, le=60)
    repeat_s: float = Field(300.0, ge=1, le=86_400)
