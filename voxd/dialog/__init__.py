"""The brain of a call: who has the floor, when a turn is over, what is said. Pure.

`Conversation.handle(event) -> list[Command]` is synchronous and total. It is cut into:

* `turns`: the one table of (state, event) -> rule; every pair is in it, ignored ones too;
* `floor`: the mutable state of one conversation, as one dataclass;
* `caller_side`: rules about the caller (speech, pauses, transcripts, digits, silence);
* `agent_side`: rules about the agent (replies, playback, failures, endings);
* `interruption`: rules about sounds the caller makes while the agent speaks (`backchannel`: words
  that mean nothing by them);
* `speculation`: replies begun before the turn is over;
* `nets`: what ends a wait that noise would keep going for ever;
* `filler`: a sentence for the wait when a reply is late; `waiting`: what the caller says then;
* `tool_side`: rules about what a reply wants done, with `tool_rounds` (from asking to telling) and
  `tools` (what is offered, and what is wrong with a call);
* `endpoint`: is the turn over, by what was said (`shape`) and how it sounded;
* `history`; `playout`: what was heard;
* `sentences`: tokens to speakable clauses; `spoken`: text for the ear, with its parts in
  `normalization`; `tags` and `delivery`: how the model wants it said (all used by the shell).

Choices worth knowing:

* *One utterance, one text.* A transcript is always the whole utterance since the last
  `CloseUtterance`, and that command is given only when the reply to it is audible. So a caller
  who goes on before the agent has begun simply continues the same utterance.
* *Pauses are measured in audio time* by the ear on request (`AwaitPause` -> `PauseReached`), so
  a stalled line or a busy loop does not end a turn. Timers serve only for waiting on others.
* *History changes on audibility.* What the caller said enters it when the reply to it begins to
  sound; what the agent said enters it as far as it was heard. Rejected: adding at the request and
  undoing it on a drop, because every undo is a chance to forget one.
* *The greeting lives in the system prompt*, not as a first assistant message: some chat templates
  refuse a conversation that the assistant opens, and one fixed prefix is shared by all calls.
"""
