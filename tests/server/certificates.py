"""Certificates for tests, made by the openssl command: the standard library makes none."""

import subprocess
from pathlib import Path


def make_certificate(
    folder: Path, host: str = "localhost", days: int = 30, name: str = "cert"
) -> tuple[Path, Path]:
    """A self-signed certificate for a host and 127.0.0.1; returns its file and its key's.

    Args:
        days: how long it is good; negative: it has expired.
    """
    cert, key, request = (folder / f"{name}{end}" for end in (".pem", "-key.pem", "-request.pem"))
    extensions = folder / f"{name}-extensions"
    extensions.write_text(f"subjectAltName=DNS:{host},IP:127.0.0.1\n")
    _openssl(
        *("req", "-new", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
        *("-subj", f"/CN={host}", "-keyout", key, "-out", request),
    )
    _openssl(
        *("x509", "-req", "-in", request, "-signkey", key, "-days", str(days)),
        *("-extfile", extensions, "-out", cert),
    )
    return cert, key


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
