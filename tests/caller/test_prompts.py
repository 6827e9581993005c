from pathlib import Path

import pytest

from voxd.caller import prompts
from voxd.caller.plan import PlanError


def test_questions_are_taken_from_the_first_directory_that_has_them_all(tmp_path: Path) -> None:
    (tmp_path / "vm-nonumber.wav").touch()
    with pytest.raises(PlanError, match="asterisk-core-sounds-en-wav"):
        prompts.find_questions([tmp_path])
    for name in prompts.QUESTIONS:
        (tmp_path / f"{name}.wav").touch()
    found = prompts.find_questions([tmp_path / "none", tmp_path])
    assert [path.stem for path in found] == list(prompts.QUESTIONS)


def test_labels_are_read_by_stem(tmp_path: Path) -> None:
    path = tmp_path / "labels.tsv"
    path.write_text("# name\tspeech_end\na.wav\t1.25\nb\t2\tmore\n\n")
    assert prompts.read_labels(path) == {"a": 1.25, "b": 2.0}


@pytest.mark.parametrize("line", ["a 1.25", "a\tsoon", "a"])
def test_bad_label_is_named_by_its_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "labels.tsv"
    path.write_text(f"a\t1\n{line}\n")
    with pytest.raises(PlanError, match="labels.tsv:2"):
        prompts.read_labels(path)


def test_missing_labels_are_said(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="cannot read labels"):
        prompts.read_labels(tmp_path / "no.tsv")
