"""The models that can be had by name: `catalogue.toml` as dataclasses, and what to set for each."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

CATALOGUE = Path(__file__).with_name("catalogue.toml")
ENGINES = {
    "stt": ("faster-whisper", "model"),
    "llm": ("llamacpp", "model"),
    "tts": ("piper", "voice"),
    "turn": ("smart-turn", "model"),
}
"""Kind -> (engine, its key with the path)."""


@dataclass(frozen=True, slots=True)
class HubFile:
    """One file of a model."""

    name: str
    """Its name, on the hub below `source` and here below `folder`."""
    sha256: str


@dataclass(frozen=True, slots=True)
class HubModel:
    """One model of the list."""

    name: str
    kind: str
    """`stt`, `llm`, `tts` or `turn`."""
    languages: tuple[str, ...]
    licence: str
    size_mb: int
    """To download, in millions of bytes."""
    ram_mb: int
    """What its worker takes, estimated, in millions of bytes."""
    expect: str
    repo: str
    revision: str
    folder: str
    """Where it goes below the models folder."""
    files: tuple[HubFile, ...]
    source: str = ""
    """Folder of the repository that holds it; empty: the repository itself."""

    def remote_name(self, file: HubFile) -> str:
        """The path of a file in the repository."""
        return f"{self.source}/{file.name}" if self.source else file.name

    @property
    def path(self) -> str:
        """What the config names: a file, or the folder of a model of several; below the models."""
        return self.folder if self.kind == "stt" else f"{self.folder}/{self.files[0].name}"

    def config_lines(self, models: str) -> str:
        """What to set in config.toml.

        Args:
            models: the models folder as the config shall name it.
        """
        engine, key = ENGINES[self.kind]
        lines = [f"[engines.{engine}]", f'{key} = "{models}/{self.path}"']
        if self.kind != "turn":  # its own list of languages is the config's default
            spoken = ", ".join(f'"{language}"' for language in self.languages)
            lines.append(f"languages = [{spoken}]")
        if self.kind == "llm":
            lines.append("stop = []")
        return "\n".join(lines)


def read_catalogue(path: Path = CATALOGUE) -> dict[str, HubModel]:
    """The models by name, in the order of the file."""
    models = {}
    for table in tomllib.loads(path.read_text(encoding="utf-8"))["model"]:
        files = tuple(HubFile(**file) for file in table.pop("file"))
        languages = tuple(table.pop("languages"))
        models[table["name"]] = HubModel(**table, files=files, languages=languages)
    return models
