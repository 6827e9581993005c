"""From asking to telling: how long is waited, and what an interruption calls off."""

from tests.dialog.tooled import BOOK, END, LOOK_UP, tooled, wants
from voxd.commands import HangUp, StartTimer
from voxd.dialog.floor import Attempt
from voxd.dialog.history import ToolRound
from voxd.dialog.tool_rounds import INTERRUPTED, call_off, longest_wait_s
from voxd.events import EndReason, Timer


def test_the_last_net_lies_behind_the_slowest_tool() -> None:
    book = tooled()
    wants(book, 4.5, book.asked("A table.", 2.0, 3.0), BOOK, LOOK_UP)
    assert longest_wait_s(book.brain._floor) == 5.0  # the default of look_up
    net = [it for it in book.all_of(StartTimer) if it.timer is Timer.LAST_NET][-1]
    assert net.delay_s == 5.0 + book.config.call.last_net_s


def test_an_end_is_called_off_and_the_model_will_know() -> None:
    calls = ToolRound((END,), results={END.id: "Done."})
    attempt = Attempt(2, None, None, round=calls, ending=HangUp(EndReason.AGENT_HUNG_UP))
    call_off(attempt)
    assert attempt.ending is None and calls.results == {END.id: INTERRUPTED}


def test_other_tools_have_happened_whatever_the_caller_says() -> None:
    calls = ToolRound((BOOK,), results={BOOK.id: "Booked."})
    call_off(Attempt(2, None, None, round=calls))
    assert calls.results == {BOOK.id: "Booked."}
