from tests.engines.local.llama_setup import SYSTEM, request
from voxd.engines.local.llama_job import Job
from voxd.engines.local.llama_sequences import Held
from voxd.engines.local.prompt_fit import Prompt
from voxd.engines.local.reply_end import ReplyEnd


def test_its_work_begins_where_its_sequence_ends() -> None:
    item = request("a", [SYSTEM], 0)
    job = Job(item, Prompt([1, 2, 3, 4], 0), Held(2, "a", [1, 2]), 2, [3, 4], None, ReplyEnd(()))
    work = job.work()
    assert (work.sequence, work.position, list(work.pending)) == (2, 2, [3, 4])
    assert not work.is_writing and not work.samples_after
    assert work.urgency == item.urgency


def test_its_answer_counts_the_tokens() -> None:
    job = Job(request("a", [SYSTEM]), Prompt([1, 2, 3], 5), Held(0), 2, [3], None, ReplyEnd(()))
    job.completion_tokens = 7
    done = job.finished("stop")
    assert (done.prompt_tokens, done.cached_tokens, done.completion_tokens) == (3, 2, 7)
    assert (done.dropped_messages, done.finish_reason) == (5, "stop")


def test_a_character_cut_in_two_tokens_is_shown_once_it_is_whole() -> None:
    job = Job(request("a", [SYSTEM]), Prompt([1], 0), Held(0), 0, [1], None, ReplyEnd(()))
    euro = "€".encode()
    assert [job.characters.decode(part) for part in (euro[:1], euro[1:2], euro[2:])] == [
        "",
        "",
        "€",
    ]
