"""What makes a start quick, before anything heavy is imported. Imports nothing of voxd.

A start is mostly imports, and of those the collector of garbage took a fifth (it goes through all
that was made so far again and again, and finds nothing), pydantic's look for plugins 30 ms (it
opens the metadata of every installed package) and one set of certificates, which aiohttp reads
whether or not anybody asks for TLS, 45 ms, in which another thread can run (measured on 2 cores).
"""

import contextlib
import gc
import importlib
import importlib.util
import os
import sys
import threading
from collections.abc import Iterator
from types import ModuleType

_NO_PLUGINS = ("PYDANTIC_DISABLE_PLUGINS", "__all__")
_HTTPX_COMMAND = ("click", "rich")
"""What httpx imports for its own command line, and does without where they are not installed."""
_lock = threading.Lock()


@contextlib.contextmanager
def starting() -> Iterator[None]:
    """While the body runs nothing is collected; whoever serves turns that on when it is warm."""
    os.environ.setdefault(*_NO_PLUGINS)
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def import_beside(name: str) -> threading.Thread:
    """Import a package in a thread of its own; whoever imports it meanwhile waits for that."""

    def work() -> None:
        with contextlib.suppress(ImportError):  # told to whoever needs it
            importlib.import_module(name)

    thread = threading.Thread(target=work, name=f"import {name}", daemon=True)
    thread.start()
    return thread


def import_lazily(name: str) -> None:
    """Have a package that others import be loaded when something of it is first asked for."""
    if name in sys.modules or (found := importlib.util.find_spec(name)) is None:
        return
    assert found.loader is not None
    found.loader = importlib.util.LazyLoader(found.loader)
    module = importlib.util.module_from_spec(found)
    sys.modules[name] = module
    found.loader.exec_module(module)


def import_httpx() -> ModuleType:
    """httpx without its command line, which would import a terminal's worth of packages."""
    with _lock:
        if "httpx" in sys.modules:
            return sys.modules["httpx"]
        absent = [name for name in _HTTPX_COMMAND if name not in sys.modules]
        for name in absent:
            sys.modules[name] = None  # type: ignore[assignment]  # an import of it fails now
        try:
            return importlib.import_module("httpx")
        finally:
            for name in absent:
                del sys.modules[name]
