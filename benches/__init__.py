"""Measurements of voxd that `scripts/bench` runs; `scripts/bench --help` says what there is.

Everything is measured from outside: the daemon is started as an operator starts it, and called
by `voxd.caller`, which shares no code with the daemon. The caller speaks with a human voice:
the telephone prompts of Debian's `asterisk-core-sounds-en-wav`, whose words and whose exact end
of speech stand in `labels.tsv`.

===========  =================================================================================
prompts.py   the recordings, their labels, and which of them a bench uses
label.py     makes labels.tsv again (`python -m benches.label`)
splice.py    puts a pause of line noise between two words
words.py     text as words that can be compared
stats.py     percentiles, bootstrap interval
daemon.py    a daemon for the length of a bench, its processes' memory, its health
line.py      one call placed, reduced to the figures of its turns
wer.py       `scripts/bench wer`
tool_calls   `scripts/bench tools` (tool_calls.py)
barge.py     `scripts/bench barge`: trials.py (made of noises.py and voices.py) says what callers
             do, interrupting.py holds a call of each, heard.py counts the words they heard
turns.py     `scripts/bench turns`: pauses.py hears them (in the gaps of gaps.tsv, which gaps.py
             makes), policies.py prices ways to decide, tuning.py finds waits, curve.py draws
v2v.py       `scripts/bench v2v`; floor.py is the soonest that was possible
calls.py     `scripts/bench calls`
room.py      `scripts/bench room`
cloud.py     `scripts/bench cloud`; its providers in provider.py (one process) and providers.py
             (all), what is said in names.py, voxd's own part in overhead.py, cores and processor
             time in cores.py, late load generators in lateness.py
interims.py  `scripts/bench cloud --interim-ms`
failover.py  `scripts/bench failover`; its providers in stand.py behind gate.py and resolver.py,
             what goes wrong in faults.py, what was kept in outcomes.py, what is said and heard in
             replies.py
peer/        `scripts/bench peer`: pipecat beside voxd, in an environment of its own
cli.py       arguments; __main__.py starts it for `scripts/bench`
===========  =================================================================================
"""
