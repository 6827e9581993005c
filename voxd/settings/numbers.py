"""Tables of whose call it is. Pure."""

from pydantic import Field

from voxd.settings.calls import Tenant
from voxd.settings.phrases import Language
from voxd.settings.table import Table
from voxd.settings.values import Variables, WebAddress


class Number(Table):
    """`[numbers."+15550100"]`: what differs for calls to this number; absent: as elsewhere.

    The answer of a look-up has the same keys.
    """

    tenant: Tenant | None = None
    tier: str | None = None
    agent: str | None = None
    language: Language | None = None
    variables: Variables = Field(default_factory=dict)

    def changed_by(self, own: "Number") -> "Number":
        """This with every key that `own` was given."""
        if not own.model_fields_set:
            return self
        given = own.model_dump(exclude={"variables"}, exclude_none=True)
        variables = {**self.variables, **own.variables}
        return self.model_copy(update={**given, "variables": variables})


class Lookup(Table):
    """`[lookup]`: the operator's own service that says whose call it is, seconds."""

    url: WebAddress = ""
    deadline_s: float = Field(1.0, ge=0.05, le=10)
    ttl_s: float = Field(300.0, ge=0, le=86_400)
    stale_s: float = Field(86_400.0, ge=0, le=2_592_000)
    entries: int = Field(1000, ge=1, le=100_000)
