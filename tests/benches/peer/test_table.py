"""The table for people."""

from benches.peer.table import WIDTH, draw
from benches.peer.verdict import DEFAULT, VOXD
from tests.benches.peer.calls import call, result, turn


def test_both_sides_stand_in_one_table() -> None:
    lines = draw(
        result(
            call(VOXD, turn(500), turn(540)),
            call(VOXD, turn(500, is_premature=True), turn(500), pause_ms=300.0),
            call(DEFAULT, turn(1500), turn(None, name="transfer")),
            call(DEFAULT, turn(1500), turn(1500), pause_ms=300.0),
        )
    )
    rows = {line[:26].strip(): line[26:].split() for line in lines if line[:26].strip()}
    assert rows["voice_to_voice p50"] == ["520", "ms", "1500", "ms"]
    assert rows["turns answered"] == ["2", "of", "2", "1", "of", "2"]
    assert rows["premature, 300 ms pause"] == "1 of 2 (50%) 0 of 2 (0%)".split()
    text = "\n".join(lines)
    assert "pipecat 1.14.0" in text
    assert "recordings (asterisk-core-sounds-en): vm-sorry, transfer" in text
    assert "voxd answers 2.88 x sooner at p50 (promised 2.5)" in text
    assert max(map(len, lines)) <= WIDTH


def test_what_was_not_measured_is_said_so() -> None:
    lines = draw(result(call(VOXD, turn(None))))
    assert any("voice_to_voice p50" in line and "unknown" in line for line in lines)
    assert not any("sooner" in line for line in lines)
