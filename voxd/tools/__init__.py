"""The operator's own tools: services that a call's model may ask (`[tools]`). Row 2.

* `exchange` (pure) writes the request and reads the answer.
* `client` asks, signed and within the tool's deadline.

What a tool does may have happened even though nobody heard the answer. So a request is asked
again only where its tool says that twice is no more than once (`is_idempotent`); each carries an
`Idempotency-Key`; and one that is on its way when the caller hangs up is not cut off, unless it is
idempotent. Rejected: cutting all of them off, because a service that had begun to book a table
would never learn whether somebody wants it.
"""
