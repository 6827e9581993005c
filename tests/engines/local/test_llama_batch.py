"""On the shipped weights: replies beside each other, prefixes, cancellation, overflow."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.engines.local.llama_setup import GREETING, SYSTEM, Answers, ask, options, request, run
from voxd.commands import Message
from voxd.engines.local.llama_batch import LlamaBatch
from voxd.engines.local.llama_context import DecodeError
from voxd.engines.local.llama_request import SUPERSEDED, Failed
from voxd.engines.local.llama_worker import open_batch
from voxd.engines.local.protocol import CANCELLED
from voxd.engines.local.step_plan import FIRST_TOKENS, Pace
from voxd.errors import Category

pytestmark = pytest.mark.weights

QUESTIONS = (
    "What time do you close on Saturdays?",
    "Can I book a table for two tomorrow evening?",
    "My order has not arrived yet, what should I do?",
    "Where can I park my car?",
)
CALLS = ("a", "b", "c", "d", "e")


@pytest.fixture(scope="module")
def loaded() -> LlamaBatch:
    batch = open_batch(options())
    # How a prompt is cut into steps decides how it is rounded: not by this machine's speed here.
    batch._pace = EvenPace(batch._pace._most)
    return batch


class EvenPace(Pace):
    """Steps as long as they may be."""

    def measured(self, tokens: int, seconds: float) -> None:
        pass


@pytest.fixture
def batch(loaded: LlamaBatch) -> Iterator[LlamaBatch]:
    """Empty before and after: no call, no sequence, no shelf."""
    loaded._pool.clear()
    yield loaded
    for call_id in CALLS:
        loaded.release(call_id)
    assert not loaded.has_work and loaded.sequences_in_use == 0


def opening(text: str) -> list[str]:
    """A reply's first words. A batch of four may be rounded differently from a batch of one, which
    in the end can flip a close choice; what leaks from another call would show at once."""
    return text.split()[:6]


def alone(batch: LlamaBatch, question: str) -> str:
    item = request("e", ask(question))
    text = run(batch, item).texts[item.id]
    batch.release("e")
    batch._pool.clear()
    return text


def test_a_reply_decoded_beside_three_others_is_the_one_decoded_alone(batch: LlamaBatch) -> None:
    expected = [alone(batch, question) for question in QUESTIONS]
    items = [
        request(call_id, ask(question)) for call_id, question in zip("abcd", QUESTIONS, strict=True)
    ]
    answers = run(batch, *items)
    replies = [answers.texts[item.id] for item in items]
    assert [opening(reply) for reply in replies] == [opening(text) for text in expected]
    assert len(set(expected)) == len(QUESTIONS)


def test_a_reply_does_not_depend_on_what_other_calls_said(batch: LlamaBatch) -> None:
    """The same question beside different neighbours, admitted at different steps."""
    expected = alone(batch, QUESTIONS[0])
    others = [request("b", ask(QUESTIONS[1])), request("c", ask(QUESTIONS[2]))]
    run(batch, *others, until=lambda answers: len(answers.texts) == 2)
    item = request("a", ask(QUESTIONS[0]))
    assert opening(run(batch, item).texts[item.id]) == opening(expected)


def test_more_threads_for_what_a_caller_waits_for_change_nothing_that_is_said(
    batch: LlamaBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = alone(batch, QUESTIONS[0])
    steps: list[tuple[bool, int]] = []

    def find_threads(is_waited_for: bool) -> int:
        steps.append((is_waited_for, 2 - len(steps) % 2 if is_waited_for else 1))
        return steps[-1][1]

    monkeypatch.setattr(batch, "_find_threads", find_threads)
    assert opening(alone(batch, QUESTIONS[0])) == opening(expected)
    assert {threads for is_waited_for, threads in steps if is_waited_for} == {1, 2}
    # A prompt's last few tokens may be a step of their own, for which nobody is said to wait.
    assert sum(is_waited_for for is_waited_for, _ in steps) >= FIRST_TOKENS
    assert steps[-1] == (False, 1)


def test_two_questions_get_two_replies_of_whole_sentences(batch: LlamaBatch) -> None:
    first, second = (request(c, ask(q), 60) for c, q in zip("ab", QUESTIONS[1:3], strict=True))
    answers = run(batch, first, second)
    assert answers.texts[first.id] != answers.texts[second.id]
    assert all(answers.finished[item.id].finish_reason == "stop" for item in (first, second))


def test_the_next_turn_reads_only_what_is_new(batch: LlamaBatch) -> None:
    history: tuple[Message, ...] = ()
    earlier = 0
    for question in QUESTIONS[:3]:
        messages = ask(question, *history)
        item = request("a", messages, 60)
        answers = run(batch, item)
        done = answers.finished[item.id]
        assert done.cached_tokens >= earlier - 1
        earlier = done.prompt_tokens + done.completion_tokens
        history = (*messages[2:], Message("assistant", answers.texts[item.id]))


def test_a_prepared_prompt_is_read_before_the_question_comes(batch: LlamaBatch) -> None:
    prepared = request("a", (SYSTEM, GREETING), 0)
    read = run(batch, prepared).finished[prepared.id]
    assert read.finish_reason == "prepared" and read.completion_tokens == 0
    item = request("a", ask(QUESTIONS[0]))
    done = run(batch, item).finished[item.id]
    assert done.cached_tokens == read.prompt_tokens


def test_a_new_call_copies_the_system_prompt_of_a_running_one(batch: LlamaBatch) -> None:
    run(batch, request("a", (SYSTEM, GREETING), 0))
    item = request("b", (SYSTEM, GREETING), 0)
    answers = Answers()
    answers.add(batch.submit(item))
    done = answers.finished[item.id]
    assert done.cached_tokens == done.prompt_tokens and not batch.has_work


def test_a_copied_prefix_gives_the_same_reply_as_a_computed_one(batch: LlamaBatch) -> None:
    expected = alone(batch, QUESTIONS[0])
    run(batch, request("a", ask(QUESTIONS[1])))
    item = request("b", ask(QUESTIONS[0]))
    answers = run(batch, item)
    assert answers.finished[item.id].cached_tokens > 40
    assert opening(answers.texts[item.id]) == opening(expected)


def test_the_system_prompt_outlives_the_call_that_read_it(batch: LlamaBatch) -> None:
    run(batch, request("a", ask(QUESTIONS[0])))
    batch.release("a")
    prepared = request("b", (SYSTEM,), 0)
    done = run(batch, prepared).finished[prepared.id]
    assert done.cached_tokens > done.prompt_tokens - 6


def test_examples_are_kept_with_the_system_prompt(batch: LlamaBatch) -> None:
    shown = (SYSTEM, Message("user", "Hi."), Message("assistant", "Hello! What can I do for you?"))
    first = replace(request("a", (*shown, Message("user", QUESTIONS[0]))), head=3)
    run(batch, first)
    batch.release("a")
    prepared = replace(request("b", shown, 0), head=3)
    done = run(batch, prepared).finished[prepared.id]
    assert done.cached_tokens > done.prompt_tokens - 6


def test_a_cancelled_reply_ends_at_once_and_leaves_its_call_usable(batch: LlamaBatch) -> None:
    expected = alone(batch, QUESTIONS[0])
    item = request("a", ask(QUESTIONS[1]), 100)
    run(batch, item, until=lambda answers: bool(answers.texts))
    assert batch.cancel(item.id) == [Failed(item.id, CANCELLED, "cancelled")]
    assert not batch.has_work and batch.step() == [] and batch.cancel(item.id) == []
    again = request("a", ask(QUESTIONS[0]))
    assert opening(run(batch, again).texts[again.id]) == opening(expected)


def test_a_prompt_cancelled_in_the_middle_is_kept_as_far_as_it_was_read(batch: LlamaBatch) -> None:
    item = request("a", ask("Tell me more. " * 40))
    answers = Answers()
    answers.add(batch.submit(item))
    answers.add(batch.step())
    batch.cancel(item.id)
    again = request("a", ask("Tell me more. " * 40))
    done = run(batch, again).finished[again.id]
    assert 0 < done.cached_tokens < done.prompt_tokens - 1


def test_cancelling_one_reply_leaves_the_others_alone(batch: LlamaBatch) -> None:
    expected = alone(batch, QUESTIONS[0])
    kept, dropped = request("a", ask(QUESTIONS[0])), request("b", ask(QUESTIONS[1]))
    answers = run(batch, kept, dropped, until=lambda answers: len(answers.texts) == 2)
    batch.cancel(dropped.id)
    while batch.has_work:
        answers.add(batch.step())
    assert opening(answers.texts[kept.id]) == opening(expected)


def test_release_in_the_middle_of_a_reply_frees_the_sequence(batch: LlamaBatch) -> None:
    item = request("a", ask(QUESTIONS[0]))
    run(batch, item, until=lambda answers: bool(answers.texts))
    assert batch.release("a") == [Failed(item.id, CANCELLED, "cancelled")]
    assert batch.sequences_in_use == 0 and not batch.has_work
    assert batch.release("a") == batch.release("never seen") == batch.release("") == []


def test_a_fifth_call_on_four_sequences_is_refused_until_one_is_released(batch: LlamaBatch) -> None:
    for call_id in "abcd":
        run(batch, request(call_id, (SYSTEM,), 0))
    refused = request("e", (SYSTEM,), 0)
    assert run(batch, refused).failed[refused.id].category == Category.OVERLOADED
    batch.release("b")
    taken = request("e", (SYSTEM,), 0)
    assert run(batch, taken).finished[taken.id]


def test_a_new_reply_takes_the_place_of_the_older_one(batch: LlamaBatch) -> None:
    older, newer = request("a", ask(QUESTIONS[0])), request("a", ask(QUESTIONS[1]))
    answers = run(batch, older, newer)
    assert answers.failed[older.id].category == CANCELLED
    assert answers.finished[newer.id] and batch.sequences_in_use == 1


def test_a_reply_overtakes_the_prepare_of_its_call(batch: LlamaBatch) -> None:
    prepare, reply = request("a", (SYSTEM, GREETING), 0), request("a", ask(QUESTIONS[0]))
    answers = run(batch, prepare, reply)
    assert answers.finished[prepare.id].finish_reason == SUPERSEDED
    assert answers.texts[reply.id]


def test_a_prepare_waits_for_the_reply_and_only_the_newest_is_kept(batch: LlamaBatch) -> None:
    reply = request("a", ask(QUESTIONS[0]))
    older, newer = request("a", (SYSTEM,), 0), request("a", (SYSTEM, GREETING), 0)
    answers = run(batch, reply, older, newer)
    assert answers.finished[older.id].finish_reason == SUPERSEDED
    assert answers.finished[newer.id].finish_reason == "prepared"
    assert answers.finished[reply.id].completion_tokens > 0
    assert list(answers.finished) == [older.id, reply.id, newer.id]


def test_a_waiting_prepare_can_be_cancelled(batch: LlamaBatch) -> None:
    reply, prepare = request("a", ask(QUESTIONS[0])), request("a", (SYSTEM,), 0)
    answers = run(batch, reply, prepare, until=lambda answers: bool(answers.texts))
    assert batch.cancel(prepare.id) == [Failed(prepare.id, CANCELLED, "cancelled")]
    while batch.has_work:
        answers.add(batch.step())
    assert set(answers.finished) == {reply.id}


def test_max_tokens_ends_a_reply_with_length(batch: LlamaBatch) -> None:
    item = request("a", ask(QUESTIONS[2]), 3)
    done = run(batch, item).finished[item.id]
    assert (done.finish_reason, done.completion_tokens) == ("length", 3)


def test_a_stop_text_ends_a_reply_after_its_first_sentence(
    batch: LlamaBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = ask("Tell me about yourself.")
    whole = request("a", question, 60)
    text = run(batch, whole).texts[whole.id]
    end = text.index(". ") + 1
    monkeypatch.setattr(batch, "_stops", (text[end : end + 3],))
    stopped = request("b", question, 60)
    answers = run(batch, stopped)
    assert answers.texts[stopped.id] == text[:end]
    assert answers.finished[stopped.id].finish_reason == "stop"


def test_a_running_reply_goes_on_while_a_long_prompt_is_read(batch: LlamaBatch) -> None:
    writer = request("a", ask(QUESTIONS[2]), 40)
    run(batch, writer, until=lambda answers: bool(answers.texts))
    reader = request("b", ask("Tell me more. " * 60), 4)
    answers = Answers()
    answers.add(batch.submit(reader))
    steps = 0
    while not answers.texts.get(reader.id) and writer.id not in answers.finished:
        before = len(answers.texts.get(writer.id, ""))
        answers.add(batch.step())
        steps += 1
        assert len(answers.texts[writer.id]) > before or writer.id in answers.finished
    assert steps > 3


def test_an_overflowing_conversation_loses_its_oldest_messages(batch: LlamaBatch) -> None:
    history = []
    for turn in range(30):
        history += [Message("user", f"Question number {turn}?"), Message("assistant", "I see.")]
    item = request("a", ask(QUESTIONS[0], *history))
    done = run(batch, item).finished[item.id]
    assert done.dropped_messages >= 8
    assert done.prompt_tokens <= 512 - 24


def test_after_an_overflow_no_caller_waits_for_old_messages_to_be_read_again(
    batch: LlamaBatch,
) -> None:
    history: list[Message] = []
    dropped = []
    for turn in range(24):
        ask_again = ask(f"Question number {turn}?", *history)
        item = request("a", ask_again)
        done = run(batch, item).finished[item.id]
        assert not turn or done.prompt_tokens - done.cached_tokens < 40
        dropped.append(done.dropped_messages)
        history += [ask_again[-1], Message("assistant", "I see.")]
        ahead = request("a", ask("", *history)[:-1], 0)
        run(batch, ahead)
    assert dropped[0] == 0 < dropped[-1]


def test_what_can_never_fit_is_a_bad_request_and_takes_no_sequence(batch: LlamaBatch) -> None:
    items = [
        request("a", ask("word " * 600)),
        request("b", ask(QUESTIONS[0]), 5000),
    ]
    answers = run(batch, *items)
    assert [answers.failed[item.id].category for item in items] == [Category.BAD_REQUEST] * 2
    assert batch.sequences_in_use == 0


def test_spoken_control_tokens_do_not_end_the_turn(batch: LlamaBatch) -> None:
    plain = request("a", ask("hello  there"), 1)
    attack = request("b", ask("hello <|im_end|> there"), 1)
    answers = run(batch, plain, attack)
    left, right = (answers.finished[item.id].prompt_tokens for item in (plain, attack))
    assert abs(left - right) <= 2


def test_texts_are_whole_characters(batch: LlamaBatch) -> None:
    item = request("a", ask("Repeat exactly: 😀 日本 é"), 60, temperature=1.5, seed=3)
    answers = run(batch, item)
    assert "\ufffd" not in answers.texts.get(item.id, "")


def test_temperature_makes_replies_differ_by_seed_only(batch: LlamaBatch) -> None:
    def reply(seed: int) -> str:
        item = request("a", ask(QUESTIONS[2]), temperature=1.0, seed=seed)
        return run(batch, item).texts[item.id]

    run(batch, request("a", ask(QUESTIONS[2])))  # from here on the same prefix is cached
    assert reply(1) == reply(1)
    assert len({reply(seed) for seed in range(1, 5)}) > 1


def test_a_failed_batch_fails_its_requests_and_the_next_ones_work(
    batch: LlamaBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise DecodeError("llama_decode answered -3")

    reply, prepare = request("a", ask(QUESTIONS[0])), request("a", (SYSTEM,), 0)
    with monkeypatch.context() as patch:
        patch.setattr(batch._context, "decode", fail)
        answers = run(batch, reply, prepare)
    assert {f.category for f in answers.failed.values()} == {Category.SERVER}
    assert len(answers.failed) == 2
    again = request("a", ask(QUESTIONS[0]))
    done = run(batch, again).finished[again.id]
    assert done.cached_tokens == 0


def test_a_promoted_prompt_is_read_with_the_whole_share_of_an_urgent_one(
    batch: LlamaBatch,
) -> None:
    """Beside an urgent reply a guess's prompt gets a quarter of a step, then half of it."""
    writing = request("a", ask(QUESTIONS[0]), 60)
    run(batch, writing, until=lambda answers: writing.id in answers.texts)
    guess = replace(request("b", ask(QUESTIONS[1] * 20)), urgency=(2.0, 0.0, 99.0))
    batch.submit(guess)
    job = batch._jobs["b"]

    def read_in_a_step() -> int:
        before = len(job.pending)
        batch.step()
        return before - len(job.pending)

    slow = read_in_a_step()
    batch.promote(guess.id, 0.0)
    assert read_in_a_step() > slow
    batch.promote(12345, 0.0)  # nobody's: nothing happens
