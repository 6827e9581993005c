"""The urgency that all work for one attempt shares."""

from voxd.contracts import Priority, ReplyRequest, SpeechRequest, Urgency


def test_a_rise_reaches_the_requests_that_were_made_before_it() -> None:
    urgency = Urgency(Priority.SPECULATION)
    asked = ReplyRequest("CA1", 1, (), 10, 0.0, urgency)
    spoken = SpeechRequest("CA1", 1, "en", "", urgency)
    urgency.raise_to(Priority.COMMITTED)
    assert asked.priority is spoken.priority is Priority.COMMITTED


def test_it_never_falls_and_tells_only_of_rises() -> None:
    urgency = Urgency(Priority.SPECULATION)
    told: list[Priority] = []
    with urgency.followed_by(told.append):
        urgency.raise_to(Priority.PROBE)
        urgency.raise_to(Priority.SPECULATION)
        urgency.raise_to(Priority.GREETING)
        urgency.raise_to(Priority.COMMITTED)
    assert told == [Priority.GREETING, Priority.COMMITTED]


def test_who_has_finished_is_told_nothing() -> None:
    urgency = Urgency(Priority.SPECULATION)
    told: list[Priority] = []
    with urgency.followed_by(told.append):
        pass
    urgency.raise_to(Priority.COMMITTED)
    assert told == []


def test_requests_for_the_same_thing_are_equal_however_urgent() -> None:
    urgent = ReplyRequest("CA1", 1, (), 10, 0.0)
    assert urgent == ReplyRequest("CA1", 1, (), 10, 0.0, Urgency(Priority.PROBE))
