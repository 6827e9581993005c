"""What is said in `cloud`: every name once, every sentence whole."""

from benches.names import build_reply, build_utterance, find_name, spell
from voxd.dialog.endpoint import Shape, judge_shape
from voxd.dialog.sentences import ClauseSplitter
from voxd.dialog.spoken import to_spoken


def test_names_are_different_and_found_again() -> None:
    names = [spell(number) for number in range(5000)]
    assert len(set(names)) == 5000
    for number in (0, 1, 69, 70, 4999):
        assert find_name(build_utterance(number)) == names[number]
        assert find_name("".join(build_reply(number))) == names[number]
    assert find_name("Hello there, how are you today?") is None


def test_of_several_names_the_last_counts() -> None:
    assert find_name(f"{build_utterance(1)} {build_utterance(2)}") == spell(2)


def test_what_callers_say_is_surely_a_whole_sentence() -> None:
    shapes = {judge_shape(build_utterance(number)) for number in range(2000)}
    assert shapes == {Shape.COMPLETE}


def test_a_reply_s_first_clause_is_whole_before_its_last_token_and_sounds_as_written() -> None:
    splitter = ClauseSplitter()
    fed = [splitter.feed(token) for token in build_reply(7)]
    clause = f"{spell(7).capitalize()} is here."
    assert fed == [[], [], [], [clause], []]
    assert to_spoken(clause, "en") == clause
