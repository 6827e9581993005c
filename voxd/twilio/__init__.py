"""Twilio's wires. Pure: text in, data out, and back.

=============  =====================================================================
module         what it does
=============  =====================================================================
``media``      the messages of a bidirectional media stream, in and out
``inbound``    what each message from Twilio holds
``ordering``   sequence numbers: which message is repeated or out of order
``twiml``      the documents that answer webhooks
``signature``  is a request really from Twilio?
=============  =====================================================================

Design notes
------------

*A message is believed or refused, never repaired.* Whatever text arrives, `MediaProtocol.decode`
answers with a message or raises `LineError` with one constant word; a call is never ended by it.
What is lenient is lenient on purpose and says so: numbers may be JSON numbers, sequence numbers
may be missing, audio may have any size.

*Own decoding, Twilio's own TwiML and signatures.* The twilio package has no media streams; its
TwiML builder and `RequestValidator` are used as they are, so that escaping and the signature's
oddities (ports, sorted and repeated fields) are theirs. Its REST client, which does I/O, is not
imported here.
"""
