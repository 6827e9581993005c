"""Where the single executable begins: the `voxd` command."""

import os
import sys


def trust_authorities() -> None:
    """Where the machine knows no certificate authorities, as a bare Debian does not, believe those
    that came along; a worker talks to nobody."""
    if "SSL_CERT_FILE" in os.environ or sys.argv[1:2] == ["worker"]:
        return
    import ssl

    paths = ssl.get_default_verify_paths()  # what is not there is None
    if paths.cafile is None and (paths.capath is None or not os.listdir(paths.capath)):
        import certifi

        os.environ["SSL_CERT_FILE"] = certifi.where()


if __name__ == "__main__":
    trust_authorities()
    from voxd.cli import main

    raise SystemExit(main())
