"""What ends a wait that noise would keep going for ever. Pure; called by the caller's rules.

* *A reply that coughs take back.* Whoever goes on before the reply is audible has it made anew, and
  so has a cough. The last net is therefore one for a question, not for an attempt (`net_s`).
* *A sound that does not stop.* While our own ear hears something no pause comes, and no turn ends.
  Where a provider has heard the turn end and no newer words come, the sound is noise
  (`watch_words`). Without a provider nobody can tell it from a long story.
"""

from voxd.commands import Command
from voxd.dialog.floor import Floor, Net
from voxd.dialog.speculation import has_same_words
from voxd.events import Timer, TranscriptReceived, TurnSignal

NO_WORDS_S = 3.0
"""Without newer words for so long, the caller has not gone on. Interims come about once a second
(design, section 3); a drawn-out "erm" is shorter."""
LEAST_NET_S = 0.2
"""A question whose time is up has this much left: a reply that is ready sounds within it."""


def net_s(floor: Floor, user: str, at: float) -> float:
    """How long the reply to these words, asked for now, is waited for.

    A caller who says more asks something else, and the time it took does not count. A cough, after
    which the words are the same, gives the reply no more time.
    """
    net = floor.utterance.net
    if net is None:
        net = floor.utterance.net = Net(at + floor.config.call.last_net_s)
    elif not has_same_words(user, net.dropped):
        net.gives_up_at += at - net.dropped_at
    return max(net.gives_up_at - at, LEAST_NET_S)


def note_drop(floor: Floor, user: str, at: float) -> None:
    """The reply to these words is dropped, because the caller goes on."""
    net = floor.utterance.net
    assert net is not None
    net.dropped, net.dropped_at = user, at


def is_end(event: TranscriptReceived) -> bool:
    """Whether the provider has heard the turn end, and will not revise its words.

    An eager end will do: Deepgram Nova sends no other while our own ear hears something.
    """
    return event.is_final and event.signal in (TurnSignal.EAGER_END, TurnSignal.END)


def watch_words(floor: Floor) -> list[Command]:
    """Our own ear hears something. Where the provider has heard an end, see whether words come."""
    if not floor.utterance.is_ended:
        return []
    return [floor.start_timer(Timer.NO_WORDS, NO_WORDS_S)]
