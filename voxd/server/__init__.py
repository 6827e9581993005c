"""The daemon's HTTP side: webhooks, the media socket, health. Row 5: may use everything above.

* `http` builds the application and answers Twilio's webhooks; `health` answers operators.
* `media` is the WebSocket: the `Transport` of `voxd.call` and the handler that runs a call.
* `guard` decides who may speak to us at all; `admission` whether there is room for a call.
* `listen` owns the listening socket and its bounds; `state` is what all handlers share.

Who may come in, chosen once and for all routes:

* Without a Twilio auth token nothing can be verified, so only peers on loopback are served, and
  only without headers that a proxy adds or a browser page forges. Rejected: an "allow anybody"
  switch; it would be set on the first day and never taken back.
* With one, webhooks and the upgrade must carry Twilio's signature over `server.public_url`.

What is bounded: body (64 KiB), headers, sockets that are no call yet, the time a request or a
first message may take, one WebSocket message (64 KiB), the time one send may take.
"""
