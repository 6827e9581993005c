"""Hedging and failover of language models and voices, as engines of their kind. One per call.

`FailoverLanguageModel` and `FailoverTextToSpeech` take a chain of engines and keep the contract of
one; whoever uses them does not see which engine serves. Speech-to-text has its own
(`voxd.call.transcriber`), because what it must replay is the call's.

Words: an engine is *hedged* when it misses a soft deadline and the next of the chain is started
beside it; whoever delivers first wins, the others are closed. It is *left* when it fails or misses
a hard deadline. The last engine of several gets longer (`hedge.LAST`): an answer that comes late
is better than an apology. An only one is never left: the call's last net is the bound.

What counts as delivered, and what can still be taken back:

* LLM: a first clause that can be spoken. Until then nothing is handed on, so engines may change
  without a trace. Afterwards a failure is raised (`Phase.STREAM`), and whoever knows what the
  caller has heard decides: asking again for the same reply gets it from the next engine.
* TTS: audio. It is handed on as it comes; what the line does not have yet can be taken back to
  the beginning of the broken word, which the next engine says whole (`continuation`). No word is
  spoken twice; one is lost only if the caller heard half of it and more.

Changes are kept for the call; only the LLM may return, between replies, to an engine that is
healthy again. Every change is an `EngineSwitched` and goes to the health board, and so do results
and errors.

A local language model at the end of a cloud chain would need seconds to read a long conversation:
`standby` has it read along, or else gives it a prompt that is short.

The reading of each engine is a task of its own (`race`), so that engines run side by side and
each iterator is opened, read and closed by one task. What to do next is pure (`hedge`).

Rejected: one adapter for both kinds with hooks; what they share is in `hedge`, `race` and
`roster`, what remains differs in every line.
"""
