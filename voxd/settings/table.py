"""The base of every table of config.toml. Pure."""

from typing import TYPE_CHECKING, Self

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:  # it imports this module
    from voxd.settings.machine import Local


class Table(BaseModel):
    """Base of all tables: frozen, strict about unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)

    def completed(self, local: "Local") -> Self:
        """This table of an engine with what follows from the machine filled in."""
        return self
