"""The telephone line's own format: G.711 mu-law, 8000 Hz, mono, one byte a sample. Pure.

Apart from the contracts that speak of it, because model workers need these numbers and nothing else
of them: each worker would pay 50 ms of its start for classes that it never sees.
"""

LINE_RATE_HZ = 8000
"""Samples a second on the line; mu-law, so bytes a second as well."""
FRAME_S = 0.02
"""Seconds of audio in one line frame."""
FRAME_BYTES = 160
"""Bytes of mu-law in one line frame."""
MULAW_SILENCE = 0xFF
"""The mu-law byte of a zero sample; pads the last frame of a clause."""
