"""Gets one file from the hub: looks, makes sure of room, downloads what is missing, judges it.

huggingface_hub finds the file and streams it, with its progress bar, and takes up a connection that
breaks. Not its `hf_hub_download`: that throws away what came when it is ended and started again.
"""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from voxd.errors import ModelError
from voxd.weights.catalogue import HubFile, HubModel

CHUNK_BYTES = 1 << 20
SPARE_BYTES = 200_000_000
"""What a download leaves free on the disk."""
LOOK_S = 10.0
"""How long the hub may take to say what a file is."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A file as the hub offers it."""

    file: HubFile
    url: str
    """Where its bytes are."""
    size: int
    """Bytes."""


class Hub:
    """The hub, and the folder that its files go to."""

    def __init__(self, models: Path, endpoint: str | None = None) -> None:
        """
        Args:
            models: the models folder.
            endpoint: the hub's address; None: `HF_ENDPOINT`, else the live one.
        """
        self._models = models
        self._endpoint = endpoint or os.environ.get("HF_ENDPOINT") or None
        # The library reads this when it is imported, below: it would tell the hub what it runs in.
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

    def target(self, model: HubModel, file: HubFile) -> Path:
        """Where a file goes."""
        return self._models / model.folder / file.name

    def is_there(self, model: HubModel, file: HubFile) -> bool:
        """The file is in place; its bytes were judged when it came."""
        return self.target(model, file).is_file()

    def is_right(self, model: HubModel, file: HubFile) -> bool:
        """The file is in place and is that of the list; reads all of it."""
        return self.is_there(model, file) and _sha256(self.target(model, file)) == file.sha256

    def look(self, model: HubModel, file: HubFile) -> Offer:
        """Ask what the hub offers under the name of a file.

        Raises:
            ModelError: it cannot be reached, has no such file, or offers another.
        """
        import huggingface_hub as library

        name = model.remote_name(file)
        url = library.hf_hub_url(model.repo, name, revision=model.revision, endpoint=self._endpoint)
        with _told(f"{model.repo}/{name}"):
            found = library.get_hf_file_metadata(
                url, token=False, timeout=LOOK_S, endpoint=self._endpoint
            )
        if found.size is None:
            raise ModelError(f"the hub does not say how big {model.repo}/{name} is")
        # The tag of a large file is its sha256; that of a small one is git's and tells us nothing.
        if found.etag is not None and len(found.etag) == 64 and found.etag != file.sha256:
            raise ModelError(f"the hub has another {model.repo}/{name} than the list: not fetched")
        return Offer(file, found.location, found.size)

    def check_room(self, model: HubModel, offers: list[Offer]) -> None:
        """Make sure that the files fit on the disk.

        Raises:
            ModelError: they do not.
        """
        missing = sum(offer.size - self._have(model, offer.file) for offer in offers)
        self._models.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self._models).free
        if missing + SPARE_BYTES > free:
            raise ModelError(
                f"{model.name} needs {missing / 1e6:.0f} MB more and {self._models} has "
                f"{free / 1e6:.0f} MB free ({SPARE_BYTES / 1e6:.0f} of them stay free)"
            )

    def fetch(self, model: HubModel, offer: Offer) -> None:
        """Download a file, or what is missing of it, and put it in place if it is the right one.

        Raises:
            ModelError: it broke off (what came is kept for the next time), or it is the wrong one
                (then nothing is kept).
        """
        from huggingface_hub.file_download import http_get

        target, part = self.target(model, offer.file), self._part(model, offer.file)
        target.parent.mkdir(parents=True, exist_ok=True)
        have = self._have(model, offer.file)
        if have > offer.size:  # of something else
            part.unlink()
            have = 0
        with part.open("ab") as sink, _told(f"{model.repo}/{offer.file.name}"):
            http_get(
                offer.url,
                sink,
                resume_size=have,
                expected_size=offer.size,
                displayed_filename=offer.file.name,
            )
        if _sha256(part) != offer.file.sha256:
            part.unlink()
            raise ModelError(f"{offer.file.name} is not the file of the list: removed")
        part.replace(target)

    def _part(self, model: HubModel, file: HubFile) -> Path:
        """What came so far of a file; by its hash, so that it is never continued by another."""
        target = self.target(model, file)
        return target.with_name(f".{file.name}.{file.sha256[:16]}.part")

    def _have(self, model: HubModel, file: HubFile) -> int:
        part = self._part(model, file)
        return part.stat().st_size if part.exists() else 0


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Turns what the library raises in the body into one sentence."""
    import httpx2  # what the library speaks HTTP with; its errors pass through

    try:
        yield
    except (OSError, ValueError, httpx2.HTTPError, httpx2.InvalidURL) as error:
        reason = next(iter(str(error).splitlines()), "") or type(error).__name__
        again = "start this again to go on from there"
        raise ModelError(f"{what} could not be fetched ({reason}); {again}") from error


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
