"""Sound and audio time. Pure: samples and times in, samples, times and facts out.

=============  ===================================================================
module         what it does
=============  ===================================================================
``g711``       mu-law to linear PCM and back, exactly as ITU-T says
``resample``   other sample rates to the line's 8000 Hz and back
``level``      loudness of a rendering, silence around it
``clock``      media timestamps to the loop's clock; what a gap or a stall becomes
``activity``   is the caller speaking, since when, until when
``pause``      is a pause as long as was asked, and nobody just beginning again
``framing``    mu-law of any length to whole 20 ms frames
``playback``   what the far end still has to play
=============  ===================================================================

Design notes
------------

*Audio time* is media time mapped onto the loop's clock, so that it can be compared with the
moments at which other things happened. All speech decisions are made in it: a burst of late
packets cannot shorten a pause and a busy loop cannot lengthen one. `clock` makes it, `activity`
only reads it. Audio time never runs backwards, and it falls behind the samples that are fed by a
slow slew only, because a transcriber finds its samples by these times.

*The end of speech is decided by level, not by webrtcvad alone.* webrtcvad holds its answer after
speech (medians of 50 to 100 ms on telephone prompts, by level and noise) and that would be added
to every reply. So a frame is voiced when webrtcvad says so *and* it is loud enough: above the
noise floor, above a configured level, and not far below the speech just heard. Rejected: energy
alone (breath, hum and music start turns); a neural detector on every frame of every call (the
transcript and smart-turn refine the answer anyway, and only where somebody paused).

*Loudness is set per clause from its loud parts.* A mean over everything would make a clause with
pauses louder than one without.
"""
