"""Orders to the telephone company about calls. Row 2: the one package that asks Twilio's REST API.

* `calls` is its client: place a call, hang up, give a running call new instructions.

Design notes
------------

*Twilio's own client, our own deadlines.* The requests are those of the twilio package's async
client. It ignores the timeout that it is given, so each order is wrapped in `asyncio.timeout`; it
writes Python's `True` as `True`, which Twilio takes for false, so switches are texts; and it logs
what it sends, so it gets a logger that says nothing.

*Only what may happen twice is tried twice.* A hang-up is; a call that was perhaps placed is not.

*Errors hold no words of Twilio's*: "The phone number +1555… is not valid" is somebody's number.
"""
