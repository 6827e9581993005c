"""Are the models the ones that were published? Reads every byte of them, in a thread. I/O."""

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

MANIFEST = "models/manifest.toml"
CHUNK_BYTES = 1 << 20
_FETCH = "voxd fetch-models NAME" if is_frozen() else "scripts/fetch-models"
AGAIN = f"{_FETCH} --verify gets it again"


@dataclass(frozen=True, slots=True)
class Published:
    """One file of the manifest."""

    path: str
    """Below the models folder, such as `piper/en_US-joe-medium.onnx`."""
    bytes: int
    sha256: str


async def check_weights(config: Config) -> AsyncIterator[Finding]:
    """One finding for each model that a local engine of a tier loads."""
    manifest = find_manifest(config)
    published = read_manifest(manifest) if manifest else ()
    for engine, path in _named(config):
        yield await asyncio.to_thread(_check, engine, path, published)


def find_manifest(config: Config) -> Path | None:
    """The list of published models: beside the config's, or the one of this checkout."""
    source = Path(voxd.__file__).parents[1] / MANIFEST
    return next((path for path in (config.resolve(MANIFEST), source) if path.is_file()), None)


def read_manifest(path: Path) -> tuple[Published, ...]:
    """Every file of every model."""
    tables = tomllib.loads(path.read_text(encoding="utf-8"))["model"]
    return tuple(
        Published(file["path"], file["bytes"], file["sha256"])
        for table in tables
        for file in table["file"]
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
            is_right = place.stat().st_size == file.bytes and _hash(place) == file.sha256
        except OSError as error:
            return bad(engine, f"{place} cannot be read: {error.strerror}", AGAIN)
        if not is_right:
            told = f"{place} is damaged, or not the model of that name"
            return warn(engine, told, AGAIN) if _is_own(place, file) else bad(engine, told, AGAIN)
    size_mb = sum(file.bytes for file, _ in known) / 1e6
    return good(engine, f"{path.name} is as published ({size_mb:.0f} MB, sha256)")


def _is_own(place: Path, file: Published) -> bool:
    """Of another size altogether: somebody put a model of theirs in its place."""
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
