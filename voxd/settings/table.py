"""The base of every table of config.toml. Pure."""

from typing import TYPE_CHECKING, Self

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:  # it imports this module
    from voxd.settings.machine import Local


class Table(BaseModel):
    """Base of all tables: frozen, strict about unknown keys."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=False,
        # Tables within tables are judged by the outermost one: their own validators would be built
        # at import, for nobody, and that was a fifth of what loading a config took.
        defer_build=True,
    )

    def completed(self, local: "Local") -> Self:
        """This table of an engine with what follows from the machine filled in."""
        return self
