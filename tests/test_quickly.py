import gc
import os
import subprocess
import sys

import pytest

from voxd.quickly import import_beside, starting


def ran(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    return done.stdout.strip()


def test_nothing_is_collected_while_it_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYDANTIC_DISABLE_PLUGINS", raising=False)
    with starting():
        assert not gc.isenabled()
        assert os.environ["PYDANTIC_DISABLE_PLUGINS"] == "__all__"
    assert gc.isenabled()


def test_a_failed_start_leaves_the_collector_on() -> None:
    with pytest.raises(ValueError), starting():
        raise ValueError
    assert gc.isenabled()


def test_a_package_is_imported_beside_and_one_that_is_none_is_nobodys_trouble() -> None:
    thread = import_beside("colorsys")
    thread.join()
    assert "colorsys" in sys.modules
    import_beside("no_such_package").join()


def test_httpx_comes_without_its_command_line_and_that_stays_importable() -> None:
    code = (
        "from voxd.quickly import import_httpx; httpx = import_httpx(); import sys;"
        "print(httpx is sys.modules['httpx'], 'click' in sys.modules, 'rich' in sys.modules);"
        "import click, rich; print(import_httpx() is httpx, callable(httpx.main))"
    )
    assert ran(code).splitlines() == ["True False False", "True True"]


def test_a_lazy_package_is_loaded_when_it_is_asked_for_something() -> None:
    code = (
        "from voxd.quickly import import_lazily; import_lazily('colorsys'); import sys, colorsys;"
        "print('rgb_to_hsv' in vars(colorsys) or 'ONE_THIRD' in object.__getattribute__("
        "colorsys, '__dict__')); print(colorsys.rgb_to_hsv(0, 0, 0)); import_lazily('no_such')"
    )
    assert ran(code).splitlines()[1] == "(0.0, 0.0, 0)"
