"""Runs in the single executable before voxd: an empty `av` in place of PyAV.

faster-whisper imports PyAV to read sound files, which voxd never does. Its wheel carries FFmpeg
with x264 and x265: a hundred megabytes, and under the GPL, which the build without Piper must not
be.
"""

import sys
import types

sys.modules["av"] = types.ModuleType("av")
