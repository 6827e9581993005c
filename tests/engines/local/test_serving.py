"""The inbox and the loop of workers that compute one request after the other."""

import threading
from collections.abc import Mapping
from typing import Any

import pytest

from voxd.engines.local.protocol import CANCELLED, Frame, MessageType
from voxd.engines.local.serving import (
    INBOX_FRAMES,
    Emit,
    Inbox,
    InboxClosed,
    IsCancelled,
    OneAtATime,
    failed_by,
)


class Shouter:
    """Answers in capitals, a partial per word."""

    def load(self, options: Mapping[str, Any]) -> dict[str, Any]:
        return dict(options)

    def run(
        self,
        op: str,
        params: Mapping[str, Any],
        payload: bytes,
        emit: Emit,
        is_cancelled: IsCancelled,
    ) -> dict[str, Any]:
        for word in params["text"].split():
            if is_cancelled():
                return {}
            emit({"text": word.upper()}, b"")
        return {"words": len(params["text"].split())}


def request(id: int, text: str = "a b") -> Frame:
    return Frame(MessageType.REQUEST, {"id": id, "op": "shout", "params": {"text": text}})


def cancel(id: int) -> Frame:
    return Frame(MessageType.CANCEL, {"id": id})


def serve(*frames: Frame, react: dict[int, list[Frame]] | None = None) -> list[Frame]:
    """Everything the worker sends; `react` puts frames into its inbox after its Nth frame."""
    inbox, sent = Inbox(), []
    for frame in frames:
        inbox.put(frame)
    expected = sum(frame.type is MessageType.REQUEST for frame in frames)

    def send(frame: Frame) -> None:
        sent.append(frame)
        for reaction in (react or {}).get(len(sent), []):
            inbox.put(reaction)
        answers = sum(one.type in (MessageType.DONE, MessageType.ERROR) for one in sent)
        if answers == expected:
            inbox.close()

    with pytest.raises(InboxClosed):
        OneAtATime(Shouter()).serve(inbox, send)
    return sent


def kinds(frames: list[Frame]) -> list[tuple[int, str]]:
    return [(frame.id, frame.type.value) for frame in frames]


def test_requests_are_answered_in_order() -> None:
    assert kinds(serve(request(1), request(2, "c"))) == [
        (1, "started"),
        (1, "partial"),
        (1, "partial"),
        (1, "done"),
        (2, "started"),
        (2, "partial"),
        (2, "done"),
    ]


def test_a_cancel_stops_a_request_at_its_next_step() -> None:
    sent = serve(request(1, "a b c d"), react={2: [cancel(1)]})
    assert kinds(sent) == [(1, "started"), (1, "partial"), (1, "error")]
    assert sent[-1].fields["category"] == CANCELLED


def test_a_request_cancelled_while_it_waits_is_never_started() -> None:
    sent = serve(request(1), request(2), react={1: [cancel(2)]})
    assert (2, "started") not in kinds(sent)
    assert kinds(sent)[-1] == (2, "error")


def test_a_cancel_after_the_answer_is_ignored() -> None:
    sent = serve(request(1), request(2), react={4: [cancel(1)]})
    assert kinds(sent)[-1] == (2, "done")


def test_a_request_without_its_params_fails_alone() -> None:
    sent = serve(Frame(MessageType.REQUEST, {"id": 1}), request(2))
    assert [frame.type for frame in sent if frame.id == 1][-1] is MessageType.ERROR
    assert kinds(sent)[-1] == (2, "done")


def test_a_bug_is_reported_without_what_was_said(caplog: pytest.LogCaptureFixture) -> None:
    said = "the caller said: " + "5" * 3
    try:
        raise ValueError(said)
    except ValueError as error:
        frame = failed_by(1, error)
    assert "555" not in str(frame.fields) + caplog.text
    assert "ValueError" in caplog.text


def test_a_closed_inbox_wakes_who_waits_even_when_it_is_full() -> None:
    inbox = Inbox()
    for _ in range(INBOX_FRAMES):
        inbox.put(cancel(1))
    inbox.close()
    with pytest.raises(InboxClosed):
        inbox.get()
    empty = Inbox()
    closer = threading.Timer(0.01, empty.close)
    closer.start()
    with pytest.raises(InboxClosed):
        empty.get()
    closer.join()


def test_polling_never_waits() -> None:
    inbox = Inbox()
    assert inbox.poll() is None
    inbox.put(cancel(1))
    assert inbox.poll() == cancel(1)
