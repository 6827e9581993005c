"""How voxd signs what it sends to the operator's own services. Pure.

`X-Voxd-Signature: t=1732312345,v1=<hex>`: HMAC-SHA256 under a secret that both sides know, over
the time (Unix seconds), a full stop and the body's bytes. Whoever checks it compares in constant
time and refuses what is more than some minutes old, so that a captured request is of no use later.
"""

import hashlib
import hmac

HEADER = "X-Voxd-Signature"


def sign(secret: str, body: bytes, unix_s: int) -> str:
    """The header's value.

    Args:
        unix_s: when it is sent, seconds since 1970.

    Raises:
        ValueError: an empty secret signs nothing.
    """
    if not secret:
        raise ValueError("an empty secret signs nothing")
    signed = b"%d.%b" % (unix_s, body)
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return f"t={unix_s},v1={digest}"
