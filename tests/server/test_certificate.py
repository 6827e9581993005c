import logging
import ssl
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.call import make_config
from tests.server.certificates import make_certificate
from voxd.config import Config
from voxd.errors import ConfigError
from voxd.server.certificate import Certificate, judge_files


def config_with(cert: Path, key: Path, public_url: str = "") -> Config:
    server: dict[str, Any] = {"public_url": public_url, "tls_cert": str(cert), "tls_key": str(key)}
    return make_config(server=server)


def test_a_pair_that_fits_can_be_served_with(tmp_path: Path) -> None:
    cert, key = make_certificate(tmp_path, "voice.example.com", days=90)
    judged = judge_files(config_with(cert, key, "https://voice.example.com"))
    assert judged.problems == ()
    assert judged.context is not None
    assert judged.context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert 89 < judged.days_left <= 90
    assert judged.is_self_signed


def test_a_host_that_is_an_address_is_looked_for_as_one(tmp_path: Path) -> None:
    cert, key = make_certificate(tmp_path)
    assert judge_files(config_with(cert, key, "https://127.0.0.1:8443")).problems == ()


def test_paths_start_at_the_config_file(tmp_path: Path) -> None:
    make_certificate(tmp_path)
    config = config_with(Path("cert.pem"), Path("cert-key.pem"))
    config = config.model_copy(update={"base_dir": tmp_path})
    assert judge_files(config).problems == ()


@pytest.mark.parametrize(
    ("case", "keys", "words"),
    [
        ("missing", ["server.tls_cert", "server.tls_key"], "cannot be read: No such file"),
        ("swapped", ["server.tls_cert", "server.tls_key"], "is no PEM file with a"),
        ("foreign key", ["server.tls_key"], "is not the key of the certificate"),
        ("encrypted key", ["server.tls_key"], "is encrypted"),
        ("damaged", ["server.tls_cert"], "cannot be used"),
        ("binary", ["server.tls_cert"], "is no PEM file"),
        ("expired", ["server.tls_cert"], "certificate has expired"),
        ("other host", ["server.tls_cert"], "Hostname mismatch"),
    ],
)
def test_what_is_wrong_is_said(case: str, keys: list[str], words: str, tmp_path: Path) -> None:
    cert, key = make_certificate(tmp_path, days=-1 if case == "expired" else 30)
    public_url = "https://voice.example.com" if case == "other host" else ""
    if case == "missing":
        cert, key = tmp_path / "none.pem", tmp_path / "none-key.pem"
    elif case == "swapped":
        cert, key = key, cert
    elif case == "foreign key":
        _, key = make_certificate(tmp_path, name="other")
    elif case == "encrypted key":
        key.write_text("-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
    elif case == "damaged":
        cert.write_text(cert.read_text()[:200] + "\n-----END CERTIFICATE-----\n")
    elif case == "binary":
        cert.write_bytes(bytes(range(256)))
    problems = judge_files(config_with(cert, key, public_url)).problems
    assert [problem.key for problem in problems] == keys
    assert all(words in problem.message for problem in problems)
    with pytest.raises(ConfigError, match=keys[0]):
        Certificate(config_with(cert, key, public_url))


def test_a_renewed_one_is_taken_and_a_bad_one_is_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    cert, key = make_certificate(tmp_path)
    certificate = Certificate(config_with(cert, key))
    first = certificate.context
    make_certificate(tmp_path, days=3)
    assert certificate.reload()
    renewed = certificate.context
    assert renewed is not first
    key.write_text("nonsense")
    assert not certificate.reload()
    assert certificate.context is renewed
    assert [record.message for record in caplog.records] == [
        "certificate taken",
        "certificate taken, which expires soon",
        "certificate refused, the old one stays",
    ]
    assert "nonsense" not in str(vars(caplog.records[-1]))
