"""For PyInstaller: webrtcvad comes from `webrtcvad-wheels`, which its own hook does not know."""

from PyInstaller.utils.hooks import copy_metadata

datas = copy_metadata("webrtcvad-wheels")
