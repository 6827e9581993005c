"""One TLS context for all providers. Reads the machine's certificates.

Making one takes 20 to 35 ms, and the libraries would each make their own: httpx for each client,
websockets for each connection, on the event loop, where every call hears it.
"""

import functools
import os
import ssl
import threading

_lock = threading.Lock()


def tls_context() -> ssl.SSLContext:
    """The context; made by the first who asks, in any thread. Of no use before httpx is installed.

    It believes the machine's certificate authorities, or those of `SSL_CERT_FILE` and
    `SSL_CERT_DIR` where one is set; on a machine that knows none, certifi's.
    """
    with _lock:
        return _make(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@functools.cache
def _make(file: str | None, folder: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not (file or folder) and not context.cert_store_stats()["x509_ca"]:
        import certifi  # comes with httpx

        context.load_verify_locations(certifi.where())
    return context
