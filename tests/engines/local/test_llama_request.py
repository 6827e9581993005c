from tests.engines.local.llama_setup import SYSTEM, request
from voxd.engines.local.llama_request import SUPERSEDED, cancelled, superseded
from voxd.engines.local.protocol import CANCELLED


def test_a_request_without_tokens_to_write_only_reads() -> None:
    assert request("a", [SYSTEM], 1).writes
    assert not request("a", [SYSTEM], 0).writes


def test_a_stopped_request_is_answered_as_cancelled() -> None:
    item = request("a", [SYSTEM])
    assert (cancelled(item).id, cancelled(item).category) == (item.id, CANCELLED)


def test_a_prepare_that_never_ran_is_answered_as_superseded() -> None:
    answer = superseded(request("a", [SYSTEM], 0))
    assert (answer.finish_reason, answer.prompt_tokens) == (SUPERSEDED, 0)
