"""Tables of what is said without a model. Pure."""

from typing import Annotated

from pydantic import Field

from voxd.settings.table import Table

Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]
"""BCP-47 primary subtag."""


Sentence = Annotated[str, Field(min_length=1, max_length=500)]


Sentences = Annotated[tuple[Sentence, ...], Field(max_length=16)]


class Phrases(Table):
    """`[phrases.LANGUAGE]`: what is said without the model."""

    greeting: Sentence
    reprompt: Sentence
    did_not_catch: Sentence
    too_slow: Sentence
    failure: Sentence
    goodbye: Sentence
    time_warning: Sentence
    """Said some time before the longest duration of a call is over."""
    hand_over: Sentence
    """Said instead of `failure` when somebody else takes the call over."""
    no_answer: Sentence
    """Said when that somebody does not answer."""
    leave_message: Sentence
    message_taken: Sentence
    machine_message: Sentence
    """Left on the machine that answers an outbound call."""
    busy: Sentence
    closing: Sentence | None = None
    """Said when the daemon stops and the call with it; None: as `goodbye`."""
    transferring: Sentence
    """Said before somebody takes the call over as the model wanted, when it says nothing itself."""
    fillers: Sentences
    """Said while a reply is late, in turns."""
    common: Sentences
    """Sentences that a model is likely to write: rendered ahead like the others."""


class OwnPhrases(Table):
    """`[agents.NAME.phrases]`: what one agent says otherwise; None: as its language does."""

    reprompt: Sentence | None = None
    did_not_catch: Sentence | None = None
    too_slow: Sentence | None = None
    failure: Sentence | None = None
    goodbye: Sentence | None = None
    time_warning: Sentence | None = None
    hand_over: Sentence | None = None
    no_answer: Sentence | None = None
    leave_message: Sentence | None = None
    message_taken: Sentence | None = None
    machine_message: Sentence | None = None
    busy: Sentence | None = None
    closing: Sentence | None = None
    transferring: Sentence | None = None
    fillers: Sentences | None = None
    common: Sentences | None = None
