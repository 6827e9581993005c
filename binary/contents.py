"""What goes into the single executable: used by `voxd.spec`, run by PyInstaller."""

from pathlib import Path

from PyInstaller.utils.hooks import (
    collect_data_files,
    collect_dynamic_libs,
    collect_submodules,
    copy_metadata,
)

ROOT = Path(__file__).resolve().parent.parent

Pairs = list[tuple[str, str]]
"""(file, its folder in the bundle)."""

UNFOLLOWABLE = (
    "voxd",  # engines and workers are imported by name
    "deepgram",  # its names are imported when they are asked for
    "cartesia",
    "groq",
    "websockets",
    "rich",
    "sqlalchemy.dialects.sqlite",
    "sqlalchemy.dialects.postgresql",
    "alembic",
    "asyncpg",
    "aiosqlite",
    "huggingface_hub",
    "tqdm",
)
"""Packages with imports that PyInstaller cannot see in their code."""

UNWANTED = [
    # What the libraries import if it happens to be there: none of it is needed, some is huge.
    *("scipy", "torch", "tensorflow", "transformers", "sympy", "matplotlib", "PIL", "IPython"),
    *("pandas", "onnx", "fastapi", "uvicorn", "gradio", "flask", "psycopg2", "MySQLdb"),
    # Tools for developers.
    *("pytest", "_pytest", "anyio.pytest_plugin", "hypothesis", "mypy", "setuptools", "pip"),
    *("wheel", "pydoc_data", "tkinter"),
    "numpy.f2py",
    "llama_cpp.server",
    "deepgram.sagemaker",
    # FFmpeg: see hooks/without_av.py.
    "av",
    # Parts of Python that stand on libraries under the GPL (readline, gdbm) or Oracle's db.
    *("readline", "dbm", "_gdbm", "_dbm"),
]

ONLY_FOR_OTHERS = ("piper.train", "piper.hebrew", "piper.http_server")
"""Parts of piper-tts: training, a server, and 21 MB for Hebrew, of which voxd has no phrases."""


def hidden_imports(with_piper: bool) -> list[str]:
    """Modules that PyInstaller would not find."""
    found = [name for package in UNFOLLOWABLE for name in collect_submodules(package)]
    found += ["faster_whisper", "llama_cpp", "onnxruntime", "uvloop", "httpx_aiohttp"]
    return [*found, "piper"] if with_piper else found


def unwanted(with_piper: bool) -> list[str]:
    """Modules that must not come along."""
    return [*UNWANTED, *(ONLY_FOR_OTHERS if with_piper else ("piper",))]


def data_files(with_piper: bool) -> Pairs:
    """Files beside the code."""
    found: Pairs = [
        (str(ROOT / "config.toml"), "."),
        (str(ROOT / "models/manifest.toml"), "models"),  # what `voxd doctor` compares weights with
    ]
    found += collect_data_files("voxd")
    found += collect_data_files("faster_whisper")
    found += copy_metadata("deepgram-sdk")
    if with_piper:
        found += collect_data_files("piper", excludes=["hebrew", "train", "img", "templates"])
    return found


def libraries() -> Pairs:
    """Compiled code that is loaded by name."""
    return [*collect_dynamic_libs("llama_cpp"), *collect_dynamic_libs("ctranslate2")]
