from tests.fakes.call import make_config
from voxd.config import Number
from voxd.lookup.directory import Directory
from voxd.server.admission import Need
from voxd.server.outbound import KEPT_CALLS, QUEUE_S, OutboundCall, OutboundCalls
from voxd.twilio.orders import CallStatus

TO, FROM = "+15550100123", "+15550199456"
SALES = Number(agent="sales", variables={"name": "Ada"})
NEED = Need(is_stream=True, is_local=False)


def ordered(calls: OutboundCalls, own: Number = SALES, now: float = 100.0) -> OutboundCall:
    call = calls.order(TO, FROM, own, NEED, 30.0, now)
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
    assert config.is_outbound
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
    assert [calls.order(TO, FROM, SALES, NEED, 30.0, 10.0) is not None for _ in range(4)] == [
        *(True, True, True, False),
    ]
    assert calls.order(TO, FROM, SALES, NEED, 30.0, 31.0) is not None
    assert calls.order(TO, FROM, SALES, NEED, 30.0, 31.0) is None


def test_none_a_minute_is_none() -> None:
    assert OutboundCalls(0).order(TO, FROM, SALES, NEED, 30.0, 1000.0) is None


def test_an_end_stays_one_whatever_overtakes_it() -> None:
    calls = OutboundCalls(10)
    call = ordered(calls)
    call.note_status(CallStatus.COMPLETED, 12)
    call.note_status(CallStatus.RINGING, None)
    assert (call.status, call.duration_s) == (CallStatus.COMPLETED, 12)


def test_the_first_call_that_names_an_order_has_it() -> None:
    """Twilio may report a call before it has answered the order."""
    calls = OutboundCalls(10)
    call = ordered(calls)
    assert calls.find("CA1") is None
    assert calls.identify(call.token, "CA1") is call
    assert calls.find("CA1") is call
    assert calls.identify(call.token, "CA1") is call
    assert calls.identify(call.token, "CA2") is None
    assert calls.identify("made-up", "CA1") is None
    assert not calls.meet(call.token, "CA2", directory(), 101.0)


def test_calls_that_ring_want_room_until_they_have_it_or_are_given_up() -> None:
    calls, book = OutboundCalls(10), directory()
    one, two, _ = (ordered(calls) for _ in range(3))
    assert calls.waiting(101.0) == (NEED, NEED, NEED)
    one.note_status(CallStatus.IN_PROGRESS, None)
    assert len(calls.waiting(101.0)) == 3  # its webhook, which asks for room, is on its way
    assert calls.meet(one.token, "CA1", book, 101.0)
    two.note_status(CallStatus.BUSY, None)
    assert len(calls.waiting(101.0)) == 1
    assert calls.waiting(100.0 + QUEUE_S + 30.0) == ()


def test_only_so_many_orders_are_remembered_and_none_that_lives_is_forgotten() -> None:
    calls = OutboundCalls(2 * KEPT_CALLS)
    first, second = ordered(calls), ordered(calls)
    for _ in range(KEPT_CALLS - 2):
        ordered(calls)
    assert calls.order(TO, FROM, SALES, NEED, 30.0, 100.0) is None
    second.note_status(CallStatus.NO_ANSWER, 0)
    ordered(calls)
    assert calls.identify(second.token, "CA2") is None
    assert calls.identify(first.token, "CA1") is first
    assert calls.order(TO, FROM, SALES, NEED, 30.0, 100.0) is None
    ordered(calls, now=100.0 + QUEUE_S + 30.0)  # nobody may answer the first ones any more
    assert calls.find("CA1") is None
