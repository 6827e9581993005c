"""What a hold takes back: everything unheard, and the beginning of the cut word."""

from voxd.call.retained import BACK_S, RetainedAudio
from voxd.call.voice import Clause, Voice
from voxd.contracts import FRAME_BYTES, FRAME_S

LOUD, QUIET = bytes([0x20]) * FRAME_BYTES, bytes([0xFF]) * FRAME_BYTES


def clause_of(number: int) -> Clause:
    return Clause(Voice(1, True, lambda: None), number, "words")


def test_what_was_not_heard_comes_back_in_order_and_nothing_else() -> None:
    retained, first, second = RetainedAudio(), clause_of(0), clause_of(1)
    retained.note(first, LOUD * 3, 10.0, 10.0)
    retained.note(second, LOUD * 2, 10.06, 10.0)
    taken = retained.take_back(10.041)
    assert [(it.clause.number, len(it.frames)) for it in taken] == [(0, 1), (1, 2)]
    assert retained.take_back(10.041) == []


def test_what_has_all_been_heard_does_not_come_back() -> None:
    retained = RetainedAudio()
    retained.note(clause_of(0), LOUD * 3, 10.0, 10.0)
    assert retained.take_back(10.06) == []
    assert RetainedAudio().take_back(1.0) == []


def test_it_begins_again_where_it_was_quietest_before_the_cut() -> None:
    retained, clause = RetainedAudio(), clause_of(0)
    retained.note(clause, LOUD * 4 + QUIET + LOUD * 5, 10.0, 10.0)
    (taken,) = retained.take_back(10.17)
    assert taken.frames == [QUIET, *[LOUD] * 5]


def test_the_beginning_is_not_looked_for_in_another_clause_or_long_ago() -> None:
    retained, before, clause = RetainedAudio(), clause_of(0), clause_of(1)
    retained.note(before, QUIET, 9.98, 9.9)
    retained.note(clause, LOUD * 10, 10.0, 9.9)
    (taken,) = retained.take_back(10.1)
    assert (taken.clause, len(taken.frames)) == (clause, 5)

    frames = round(BACK_S / FRAME_S) + 5
    retained.note(clause, QUIET + LOUD * frames, 20.0, 20.0)
    (taken,) = retained.take_back(20.0 + frames * FRAME_S)
    assert QUIET not in taken.frames


def test_only_the_last_moments_are_kept() -> None:
    retained, clause = RetainedAudio(), clause_of(0)
    for number in range(1000):
        retained.note(clause, LOUD, number * FRAME_S, number * FRAME_S)
    assert len(retained._frames) <= BACK_S / FRAME_S + 2
