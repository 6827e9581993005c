"""What is kept of calls: a row for each call, a row for each turn. SQLite, PostgreSQL, Supabase.

`writer.RecordWriter` observes finished calls. It has a thread with an event loop of its own: no
driver, however slow, no import and no disk can hold up the loop that carries the audio of calls.
Rejected: a task on the calls' loop (SQLAlchemy compiles its first statements for more than 5 ms),
and a process of its own (60 MB for some rows an hour).

The way of a record: outcome -> queue (bounded) -> `making` (pure: redaction, costs, rows) -> store.
When the store is slow, full, read-only or gone, records go to files (`spill`, bounded) and from
there to the store in their order once it is back. Both tables have keys of their own (CallSid, and
turn), so that a record written twice stands there once; a CallSid that comes back gets a name of
its own (`legs`). What cannot be kept is counted.

The design document's columns of `turns` stand there by their names; everything else that is known
of a turn is in its `meta`. Its `content` is what the agent said; what the caller said is in `meta`.
"""
