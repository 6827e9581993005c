"""What a call did and how long it took: journal, latency, logs, metrics, alerts.

The journal is the truth. A call's events and commands, in order, are its log, its latency
figures and its replayable bug report. Every timing is computed from the journal afterwards
(`latency.compute_turns`, pure); rejected: stopwatches spread through the code, because two of
them soon disagree and none can be replayed.

Two kinds of observer are told, and neither may block: of what cannot wait for the end of a call
(`follower.NewsObserver`: an answer was heard, an engine was left), and of finished calls
(`outcome.CallObserver`). Log lines, the book of promises, metrics, alerts and records are such
observers, side by side; none knows of another, and a bug in one is no other's (`telling`).

Words spoken, phone numbers and keys stand in the journal (in memory only) but never in a log.
"""
