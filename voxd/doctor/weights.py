"""Are the models the ones that were published? Reads every byte of them, in a thread. I/O.

Known are those of the manifest, which voxd comes with, and those that can be had by name
(`voxd.weights`), of which the list tells no sizes.
"""

import asyncio
import hashlib
import tomllib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import voxd
from voxd.chains import named_engines
from voxd.config import Config
from voxd.doctor.finding import Finding, bad, good, warn
from voxd.engines.registry import ENTRIES
from voxd.frozen import how_to_get_models, is_frozen
from voxd.weights.catalogue import read_catalogue

MANIFEST = "models/manifest.toml"
CHUNK_BYTES = 1 << 20
_SHIPPED = "voxd fetch-models NAME" if is_frozen() else "scripts/fetch-models"
_NAMED = "voxd fetch-models" if is_frozen() else "scripts/fetch-models"


@dataclass(frozen=True, slots=True)
class Published:
    """One file that is known."""

    path: str
    """Below the models folder, such as `piper/en_US-joe-medium.onnx`."""
    sha256: str
    bytes: int | None = None
    """None: the list does not say."""
    name: str = ""
    """What it can be had by; empty: voxd comes with it."""

    @property
    def again(self) -> str:
        """How to get it once more."""
        fetch = f"{_NAMED} {self.name}" if self.name else _SHIPPED
        return f"{fetch} --verify gets it again"


async def check_weights(config: Config) -> AsyncIterator[Finding]:
    """One finding for each model that a local engine of a tier loads."""
    manifest = find_manifest(config)
    published = read_manifest(manifest) if manifest else ()
    shipped = {file.path for file in published}
    published += tuple(file for file in read_named() if file.path not in shipped)
    for engine, path in _named(config):
        yield await asyncio.to_thread(_check, engine, path, published)


def find_manifest(config: Config) -> Path | None:
    """The list of published models: beside the config's, or the one of this checkout."""
    source = Path(voxd.__file__).parents[1] / MANIFEST
    return next((path for path in (config.resolve(MANIFEST), source) if path.is_file()), None)


def read_manifest(path: Path) -> tuple[Published, ...]:
    """Every file of every model that voxd comes with."""
    tables = tomllib.loads(path.read_text(encoding="utf-8"))["model"]
    return tuple(
        Published(file["path"], file["sha256"], file["bytes"])
        for table in tables
        for file in table["file"]
    )


def read_named() -> tuple[Published, ...]:
    """Every file of the models that can be had by name."""
    return tuple(
        Published(f"{model.folder}/{file.name}", file.sha256, name=model.name)
        for model in read_catalogue().values()
        for file in model.files
    )


def _named(config: Config) -> Iterator[tuple[str, Path]]:
    """Engine and path of each model, each path once."""
    seen = set()
    for name in named_engines(config).usable:
        if not ENTRIES[name].is_local:
            continue
        given = [getattr(config.engines[name], key, "") for key in ("model", "voice")]
        for value in (*given, *config.agent_voices(name)):
            path = config.resolve(value) if value else None
            if path is not None and path not in seen:
                seen.add(path)
                yield name, path


def _check(engine: str, path: Path, published: tuple[Published, ...]) -> Finding:
    if not path.exists():
        return bad(engine, f"{path} is missing", how_to_get_models())
    ours = [(file, _place(path, file)) for file in published]
    known = [(file, place) for file, place in ours if place is not None]
    if not known:
        return good(engine, f"{path.name} is a model of your own: there is nothing to compare")
    for file, place in known:
        try:
            has_size = file.bytes in (None, place.stat().st_size)
            is_right = has_size and _hash(place) == file.sha256
        except OSError as error:
            return bad(engine, f"{place} cannot be read: {error.strerror}", file.again)
        if not is_right:
            told = f"{place} is damaged, or not the model of that name"
            judge = warn if _is_own(place, file) else bad
            return judge(engine, told, file.again)
    size_mb = sum(place.stat().st_size for _, place in known) / 1e6
    return good(engine, f"{path.name} is as published ({size_mb:.0f} MB, sha256)")


def _is_own(place: Path, file: Published) -> bool:
    """Of another size altogether: somebody put a model of theirs in its place."""
    if file.bytes is None:
        return False
    return abs(place.stat().st_size - file.bytes) > file.bytes // 2


def _place(path: Path, file: Published) -> Path | None:
    """Where a published file lies, if it is the model at this path or a part of it."""
    folder, _, name = file.path.rpartition("/")
    if path.name == folder.rpartition("/")[2] and path.is_dir():
        return path / name
    if path.name == name or f"{path.name}.json" == name:  # a voice and what lies beside it
        return path.with_name(name)
    return None


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
