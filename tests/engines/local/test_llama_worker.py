"""The worker's loop on the shipped weights, without a socket: an inbox in, frames out."""

import threading
from typing import Any

import pytest

from tests.engines.local.llama_setup import GREETING, SYSTEM, ask, options
from voxd.commands import Message
from voxd.engines.local.llama_request import Failed, Finished, Started, Text
from voxd.engines.local.llama_worker import (
    LlamaWorker,
    decode_request,
    encode_answer,
    receive,
)
from voxd.engines.local.protocol import CANCELLED, PROMOTE, Frame, MessageType
from voxd.engines.local.serving import Inbox, InboxClosed
from voxd.errors import Category, ModelError


def plain(*messages: Message) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content} for message in messages]


def generate(number: int, caller: str, *messages: Message, **params: Any) -> Frame:
    return Frame(
        MessageType.REQUEST,
        {
            "id": number,
            "op": "generate",
            "params": {
                "call_id": caller,
                "messages": plain(*messages),
                "max_tokens": 12,
                "temperature": 0.0,
                **params,
            },
            "priority": 2,
            "deadline": 7.5,
        },
    )


def prepare(number: int, call_id: str, *messages: Message) -> Frame:
    params = {"call_id": call_id, "messages": plain(*messages)}
    return Frame(MessageType.REQUEST, {"id": number, "op": "prepare", "params": params})


class Daemon:
    """The other end: feeds a running worker and waits for what it says."""

    def __init__(self, worker: LlamaWorker) -> None:
        self.inbox = Inbox()
        self.frames: list[Frame] = []
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._serve, args=(worker,))
        self._thread.start()

    def _serve(self, worker: LlamaWorker) -> None:
        with pytest.raises(InboxClosed):
            worker.serve(self.inbox, self._send)

    def _send(self, frame: Frame) -> None:
        with self._news:
            self.frames.append(frame)
            self._news.notify_all()

    def wait_for(self, number: int, *types: MessageType) -> Frame:
        def found() -> Frame | None:
            return next((f for f in self.frames if f.id == number and f.type in types), None)

        with self._news:
            assert self._news.wait_for(found, timeout=60)
            frame = found()
            assert frame is not None
            return frame

    def answer(self, *frames: Frame) -> Frame:
        for frame in frames:
            self.inbox.put(frame)
        return self.wait_for(frames[0].id, MessageType.DONE, MessageType.ERROR)

    def close(self) -> None:
        self.inbox.close()
        self._thread.join(timeout=30)
        assert not self._thread.is_alive()


@pytest.fixture(scope="module")
def worker() -> LlamaWorker:
    loaded = LlamaWorker()
    info = loaded.load(options(sequences=2))
    assert info["model"].endswith(".gguf") and info["sequences"] == 2
    return loaded


@pytest.fixture
def daemon(worker: LlamaWorker) -> Any:
    opened = Daemon(worker)
    yield opened
    opened.close()
    assert worker._batch is not None
    for call_id in "abc":
        worker._batch.release(call_id)


@pytest.mark.weights
def test_a_reply_is_started_then_partial_then_done(daemon: Daemon) -> None:
    done = daemon.answer(generate(1, "a", *ask("Where are you?")))
    types = [frame.type for frame in daemon.frames]
    assert types[0] is MessageType.STARTED and types[-1] is MessageType.DONE
    assert set(types[1:-1]) == {MessageType.PARTIAL}
    assert all(frame.fields["data"]["text"] for frame in daemon.frames[1:-1])
    assert set(done.fields["data"]) == {
        "prompt_tokens",
        "cached_tokens",
        "completion_tokens",
        "finish_reason",
        "dropped_messages",
    }


@pytest.mark.weights
def test_a_cancel_is_answered_as_an_error_called_cancelled(daemon: Daemon) -> None:
    daemon.inbox.put(generate(2, "a", *ask("Where are you?"), max_tokens=300))
    daemon.wait_for(2, MessageType.PARTIAL)
    daemon.inbox.put(Frame(MessageType.CANCEL, {"id": 2}))
    error = daemon.wait_for(2, MessageType.ERROR, MessageType.DONE)
    assert error.fields["category"] == CANCELLED


@pytest.mark.weights
def test_a_promotion_reaches_the_request_in_work(worker: LlamaWorker) -> None:
    batch = worker._batch
    assert batch is not None
    receive(batch, generate(20, "a", *ask("Where are you?")))
    assert batch._jobs["a"].request.urgency == (2.0, 7.5, 20)
    params = {"id": 20, "priority": 0}
    assert receive(batch, Frame(MessageType.NOTIFY, {"op": PROMOTE, "params": params})) == []
    assert batch._jobs["a"].request.urgency == (0.0, 7.5, 20)
    batch.release("a")


@pytest.mark.weights
def test_release_frees_the_sequence_for_another_call(daemon: Daemon) -> None:
    for number, call_id in ((3, "a"), (4, "b")):
        assert daemon.answer(prepare(number, call_id, SYSTEM)).type is MessageType.DONE
    refused = daemon.answer(prepare(5, "c", SYSTEM, GREETING))
    assert refused.fields["category"] == Category.OVERLOADED
    daemon.inbox.put(Frame(MessageType.NOTIFY, {"op": "release", "params": {"call_id": "a"}}))
    assert daemon.answer(prepare(6, "c", SYSTEM, GREETING)).type is MessageType.DONE


@pytest.mark.weights
def test_a_frame_that_cannot_be_read_is_a_bad_request_and_the_loop_goes_on(daemon: Daemon) -> None:
    broken = Frame(MessageType.REQUEST, {"id": 7, "op": "generate", "params": {}})
    assert daemon.answer(broken).fields["category"] == Category.BAD_REQUEST
    daemon.inbox.put(Frame(MessageType.NOTIFY, {"op": "no such thing"}))
    assert daemon.answer(prepare(8, "a", SYSTEM)).type is MessageType.DONE


@pytest.mark.weights
def test_an_unexpected_exception_fails_its_request_only(
    daemon: Daemon, worker: LlamaWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("a secret")

    with monkeypatch.context() as patch:
        patch.setattr(worker._batch, "submit", fail)
        error = daemon.answer(prepare(9, "a", SYSTEM))
    assert error.fields["category"] == Category.SERVER
    assert "secret" not in error.fields["message"]
    assert daemon.answer(prepare(10, "a", SYSTEM)).type is MessageType.DONE


def test_missing_weights_are_an_error_of_the_model() -> None:
    with pytest.raises(ModelError):
        LlamaWorker().load(options(model="/nowhere/model.gguf"))


def test_a_request_carries_its_urgency() -> None:
    request = decode_request(generate(11, "a", SYSTEM))
    assert request.urgency == (2.0, 7.5, 11)
    assert request.messages == (SYSTEM,) and request.writes
    assert not decode_request(prepare(12, "a", SYSTEM)).writes


def test_a_request_tells_how_much_begins_every_prompt() -> None:
    assert decode_request(prepare(13, "a", SYSTEM)).head == 1
    assert decode_request(generate(14, "a", SYSTEM, head=3)).head == 3


@pytest.mark.parametrize(
    "changes",
    [{"call_id": ""}, {"call_id": None}, {"messages": []}, {"max_tokens": 0}, {"messages": [1]}],
)
def test_a_request_without_what_it_needs_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        decode_request(generate(13, "a", SYSTEM, **changes))


def test_an_unknown_operation_is_refused() -> None:
    with pytest.raises(ValueError):
        decode_request(Frame(MessageType.REQUEST, {"id": 1, "op": "sing", "params": {}}))


def test_every_answer_has_its_frame() -> None:
    answers = (Started(1), Text(1, "Hi"), Finished(1, 9, 8, 7, "stop", 0), Failed(1, "server", "x"))
    frames = [encode_answer(answer) for answer in answers]
    assert [frame.type for frame in frames] == [
        MessageType.STARTED,
        MessageType.PARTIAL,
        MessageType.DONE,
        MessageType.ERROR,
    ]
    assert all(frame.id == 1 for frame in frames)
    assert frames[2].fields["data"]["cached_tokens"] == 8
