"""What a call did and how long it took: journal, latency, logs, the event loop's lag.

The journal is the truth. A call's events and commands, in order, are its log, its latency
figures and its replayable bug report. Every timing is computed from the journal afterwards
(`latency.compute_turns`, pure); rejected: stopwatches spread through the code, because two of
them soon disagree and none can be replayed.

Words spoken, phone numbers and keys stand in the journal (in memory only) but never in a log.
"""
