from tests.fakes.call import make_config
from voxd.config import Number
from voxd.lookup.directory import Directory
from voxd.server.outbound import KEPT_CALLS, QUEUE_S, OutboundCall, OutboundCalls
from voxd.twilio.orders import CallStatus

TO, FROM = "+15550100123", "+15550199456"
SALES = Number(agent="sales", variables={"name": "Ada"})


def ordered(calls: OutboundCalls, own: Number = SALES, now: float = 100.0) -> OutboundCall:
    call = calls.order(TO, FROM, own, 30.0, now)
    assert call is not None
    return call


def directory() -> Directory:
    agents = {"sales": {"prompt": "You sell.", "greeting": "Hello {name}."}}
    return Directory(make_config(agents=agents, variables={"name": "you"}))


def test_who_answers_meets_the_agent_that_was_ordered() -> None:
    calls, book = OutboundCalls(10), directory()
    call = ordered(calls)
    assert calls.meet(call.token, "CA1", book, 101.0)
    config = book.recall("CA1")
    assert (config.agent.prompt, config.phrases.greeting) == ("You sell.", "Hello Ada.")
    assert calls.find("CA1") is call


def test_a_webhook_that_is_repeated_is_met_again() -> None:
    calls, book = OutboundCalls(10), directory()
    call = ordered(calls)
    assert calls.meet(call.token, "CA1", book, 101.0)
    assert calls.meet(call.token, "CA1", book, 102.0)


def test_a_token_is_good_for_one_call() -> None:
    calls, book = OutboundCalls(10), directory()
    call = ordered(calls)
    call.call_sid = "CA1"
    assert not calls.meet(call.token, "CA2", book, 101.0)
    assert not calls.meet("made-up", "CA1", book, 101.0)
    assert not calls.meet("", "", book, 101.0)


def test_a_token_expires() -> None:
    calls, book = OutboundCalls(10), directory()
    call = ordered(calls, now=0.0)
    assert calls.meet(call.token, "CA1", book, QUEUE_S + 29.0)
    assert not calls.meet(call.token, "CA1", book, QUEUE_S + 30.0)


def test_a_call_that_was_not_placed_is_forgotten() -> None:
    calls, book = OutboundCalls(10), directory()
    call = ordered(calls)
    calls.forget(call)
    assert not calls.meet(call.token, "CA1", book, 101.0)
    calls.forget(call)


def test_a_minute_has_so_many_orders() -> None:
    calls = OutboundCalls(3)
    assert [calls.order(TO, FROM, SALES, 30.0, 10.0) is not None for _ in range(4)] == [
        *(True, True, True, False),
    ]
    assert calls.order(TO, FROM, SALES, 30.0, 31.0) is not None
    assert calls.order(TO, FROM, SALES, 30.0, 31.0) is None


def test_none_a_minute_is_none() -> None:
    assert OutboundCalls(0).order(TO, FROM, SALES, 30.0, 1000.0) is None


def test_an_end_stays_one_whatever_overtakes_it() -> None:
    calls = OutboundCalls(10)
    call = ordered(calls)
    call.call_sid = "CA1"
    calls.note_status("CA1", CallStatus.COMPLETED, 12)
    calls.note_status("CA1", CallStatus.RINGING, None)
    assert (call.status, call.duration_s) == (CallStatus.COMPLETED, 12)
    calls.note_status("CA2", CallStatus.RINGING, None)


def test_calls_that_ring_want_room_until_they_are_answered_or_given_up() -> None:
    calls = OutboundCalls(10)
    one, two, three = (ordered(calls) for _ in range(3))
    for number, call in enumerate((one, two, three)):
        call.call_sid = f"CA{number}"
    assert calls.waiting(101.0) == 3
    calls.note_status("CA0", CallStatus.IN_PROGRESS, None)
    calls.note_status("CA1", CallStatus.BUSY, None)
    assert calls.waiting(101.0) == 1
    assert calls.waiting(100.0 + QUEUE_S + 30.0) == 0


def test_only_so_many_orders_are_remembered() -> None:
    calls = OutboundCalls(600)
    first = ordered(calls, now=0.0)
    first.call_sid = "CA1"
    for minute in range(KEPT_CALLS):
        ordered(calls, now=float(minute))
    assert calls.find("CA1") is None
