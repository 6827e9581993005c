"""Old messages go when there is no room, together, and stay away."""

import pytest

from tests.engines.local.conversations import SYSTEM, conversation
from voxd.commands import Message
from voxd.engines.local.prompt import PromptError
from voxd.engines.local.prompt_fit import fit_prompt


def count(messages: object) -> list[int]:
    """A tokenizer of ten tokens a message."""
    assert isinstance(messages, list | tuple)
    return [0] * (10 * len(messages))


def spell(messages: object) -> list[int]:
    """A tokenizer of a token for each character."""
    assert isinstance(messages, list | tuple)
    return [ord(character) for message in messages for character in message.content]


def spell_and_open(messages: object) -> list[int]:
    """The same for a prompt that ends with what opens a reply."""
    return [*spell(messages), *map(ord, "reply")]


def test_a_prompt_that_fits_is_left_alone() -> None:
    assert fit_prompt(conversation(3), count, 1000, may_drop=True).dropped_messages == 0


def test_the_oldest_exchanges_go_and_the_system_prompt_and_last_message_stay() -> None:
    seen: list[list[Message]] = []

    def spy(messages: object) -> list[int]:
        assert isinstance(messages, list)
        seen.append(messages)
        return count(messages)

    messages = conversation(3)  # system, greeting, q0, a0, q1, a1, q2
    prompt = fit_prompt(messages, spy, 40, may_drop=True)
    assert seen[-1] == [SYSTEM, messages[4], messages[5], messages[6]]
    assert prompt.dropped_messages == 3 and len(prompt.tokens) == 40


def test_examples_stay_as_the_system_prompt_does() -> None:
    seen: list[list[Message]] = []

    def spy(messages: object) -> list[int]:
        assert isinstance(messages, list)
        seen.append(messages)
        return count(messages)

    messages = conversation(4)  # system, greeting, q0, a0, q1, a1, q2, a2, q3
    assert fit_prompt(messages, spy, 70, may_drop=True, head=4).dropped_messages == 2
    assert seen[-1] == [*messages[:4], *messages[6:]]
    with pytest.raises(PromptError):
        fit_prompt(messages, count, 49, may_drop=True, head=4)


def test_in_a_long_conversation_a_whole_block_goes_so_that_later_turns_keep_their_prefix() -> None:
    dropped = [
        fit_prompt(conversation(turns), count, 200, may_drop=True).dropped_messages
        for turns in range(9, 16)
    ]
    assert dropped == [0, 9, 9, 9, 9, 9, 17]


def test_what_is_read_ahead_and_the_prompt_after_it_leave_out_the_same() -> None:
    held, cut_at, cuts = list[int](), 0, list[int]()
    for turns in range(2, 40):
        messages = conversation(turns)
        if turns % 5:  # after an interruption nothing is read ahead
            read = fit_prompt(
                messages[:-1], spell, 300, may_drop=True, spare=40, held=held, cut_at=cut_at
            )
            held, cut_at = read.tokens, read.cut_at
        prompt = fit_prompt(messages, spell_and_open, 280, may_drop=True, held=held, cut_at=cut_at)
        if turns % 5:
            assert prompt.tokens[: len(held)] == held
        held, cut_at = prompt.tokens, prompt.cut_at
        cuts.append(prompt.dropped_messages)
    assert cuts[0] == 0 and len(set(cuts)) > 3
    assert cuts == sorted(cuts)


def test_spare_room_is_given_up_when_dropping_does_not_make_it() -> None:
    messages = conversation(3)
    assert fit_prompt(messages, count, 60, may_drop=True, spare=45).dropped_messages == 1
    assert fit_prompt(messages, count, 100, may_drop=True, spare=85).dropped_messages == 0
    assert fit_prompt(messages, count, 100, may_drop=False, spare=85).dropped_messages == 0


def test_messages_that_went_come_back_only_when_the_conversation_has_moved_on() -> None:
    messages = conversation(12)
    cut = fit_prompt(messages, spell, 150, may_drop=True)
    assert cut.dropped_messages > 0
    held = {"held": cut.tokens, "cut_at": cut.cut_at}
    later = [*messages, Message("assistant", "yes"), Message("user", "and then?")]
    assert fit_prompt(later, spell, 1000, may_drop=True, **held).dropped_messages > 0
    other = [SYSTEM, *(Message("user", f"{n} is new") for n in range(3))]
    assert fit_prompt(other, spell, 1000, may_drop=True, **held).dropped_messages == 0


def test_words_that_need_more_than_was_kept_for_them_cost_older_messages() -> None:
    messages = [*conversation(3)[:-1], Message("user", "many words " * 23)]
    read = fit_prompt(messages[:-1], spell, 270, may_drop=True, spare=70)
    held = {"held": read.tokens, "cut_at": read.cut_at}
    prompt = fit_prompt(messages, spell, 270, may_drop=True, **held)
    assert read.dropped_messages == 0 < prompt.dropped_messages


def test_dropping_can_be_forbidden() -> None:
    with pytest.raises(PromptError):
        fit_prompt(conversation(3), count, 40, may_drop=False)


def test_a_system_prompt_and_last_message_that_can_never_fit_are_an_error() -> None:
    with pytest.raises(PromptError):
        fit_prompt(conversation(3), count, 19, may_drop=True)


def test_a_prompt_that_ends_with_the_assistant_can_shrink_to_its_last_message() -> None:
    messages = [SYSTEM, Message("user", "q"), Message("assistant", "a")]
    assert fit_prompt(messages, count, 20, may_drop=True).dropped_messages == 1
