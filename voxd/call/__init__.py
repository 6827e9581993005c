"""One live call: the shell around the brain. The only package that performs its commands.

::

    line ── live ──> listener ──> transcriber, judging ──> speech-to-text, judge of turns
              │          │             │
              │          └── events ───┴──> inbox ──> brain ──> commands ──> live
              │                                                              │
    line <── speaker <── voice <── replier <── language model, text-to-speech <┘

Audio takes the outer lanes, facts the inbox. What bounds each lane stands where the lane is:
`inbox` (events), `tape` (audio kept for another stream), `judging` (how the utterance ends),
`replier` (clauses, audio of one clause), `stored` (audio that need not be made), `speaker` (audio
ahead of the line).

The other shell, for calls in which Twilio hears and speaks, is `voxd.call.turns`.

Choice: the far end's playback is a model that marks correct, and a mark is sent after each clause
and nowhere else. Rejected: a mark after each frame, which would tell to 20 ms what was heard, but
is fifty messages a second each way, and some peers echo none. What would change it: an
interruption that must be exact to less than a word.
"""
