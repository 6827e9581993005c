"""Answers begun before the turn is over: the guesses of the speculation ladder. Pure.

At the first pause, as soon as the words are known, a reply is started uncommitted: model, first
clause and its audio run ahead, and only *speaking* waits for the end of the turn. When the turn
ends with the same words, the guess is committed and its audio sounds at once. When the caller goes
on, or the words turn out different, it is dropped, and the next pause has another try. How many a
turn may have is the tier's `speculation`; what was thrown away is in the journal (`ReplyWasted`).

Words that do not look finished ask for a long wait, and mostly the caller does go on. Their reply
is begun late: `GUESS_AHEAD_S` before the end of the wait, which is time enough.

Nothing of a guess is on the floor: it is no attempt, changes no history and runs no tool before
it is committed.
"""

import re

from voxd.commands import Command, CommitReply, DropReply, StartReply
from voxd.dialog.floor import Attempt, Floor

GUESS_AHEAD_S = 0.7
"""A reply is begun so long before the end of the wait, or as soon as the words are known. From then
to its first audio take the local engines 0.2 to 0.5 s on two cores, the cloud's about 0.4 s."""

_WORD = re.compile(r"\w+", re.UNICODE)


def has_same_words(one: str, other: str) -> bool:
    """Whether two texts differ by no more than punctuation, spacing and case."""
    return _WORD.findall(one.casefold()) == _WORD.findall(other.casefold())


def may_guess(floor: Floor) -> bool:
    """Whether this turn may have another guess."""
    return floor.utterance.guesses < floor.tier.speculation


def guess(floor: Floor, user: str) -> list[Command]:
    """The caller has paused after these words: begin a reply to them.

    A guess at the same words goes on, one at others is dropped. Nothing more happens when the
    tier's cap is reached.
    """
    commands = drop_other_guess(floor, user)
    if floor.guess is not None or not may_guess(floor):
        return commands
    floor.utterance.guesses += 1
    reply_id = floor.next_reply_id()
    floor.guess = Attempt(reply_id, user=user, phrase=None, tells=floor.has_untold)
    floor.has_untold = False
    return [*commands, StartReply(floor.turn + 1, reply_id, False, floor.history.prompt(user))]


def start_or_commit(floor: Floor, user: str, digits: str) -> list[Command]:
    """The turn is over with these words: commit the guess at them, or start their reply now."""
    guessed = floor.guess
    if guessed is not None and has_same_words(guessed.user or "", user):
        floor.guess = None
        guessed.user = user
        guessed.digits = digits
        floor.attempt = guessed
        return [CommitReply(guessed.reply_id)]
    commands = drop_guess(floor)
    floor.has_untold = False
    reply_id = floor.next_reply_id()
    floor.attempt = Attempt(reply_id, user=user, phrase=None, digits=digits)
    return [*commands, StartReply(floor.turn, reply_id, True, floor.history.prompt(user))]


def drop_other_guess(floor: Floor, user: str) -> list[Command]:
    """Throw the guess away if it is at other words."""
    if floor.guess is not None and has_same_words(floor.guess.user or "", user):
        return []
    return drop_guess(floor)


def drop_guess(floor: Floor) -> list[Command]:
    """Throw the guess away, if there is one."""
    guessed, floor.guess = floor.guess, None
    if guessed is not None and guessed.tells:
        floor.has_untold = True
    return [DropReply(guessed.reply_id)] if guessed is not None else []


def is_guess(floor: Floor, reply_id: int | None) -> bool:
    """Whether an event is about the guess."""
    return floor.guess is not None and floor.guess.reply_id == reply_id
