"""The daemon's HTTP side: webhooks, the media socket, health. Row 5: may use everything above.

* `http` builds the application and answers Twilio's webhooks; `health` answers operators.
* `media` is the WebSocket: the `Transport` of `voxd.call` and the handler that runs a call.
* `voice` answers the webhook of a call that comes in, and `no_room` where there is none for it.
* `api` takes operators' orders, `outbound` remembers them, `progress` hears how such calls go;
  `ahead` renders what they say first. `after` answers what follows a call, by `handover`.
* `guard` decides who may speak to us at all, by `keys`; `peer` says whose address it is;
  `admission` whether there is room for a call.
* `listen` owns the listening sockets, `accept` their connections, `certificate` the TLS; `crowd`
  and `rate` count. `exposure` is the door's part of `voxd check`; `state` is what all handlers
  share.

Who may come in, chosen once and for all routes:

* Without a Twilio auth token nothing can be verified, so only peers on loopback are served, and
  only without headers that a proxy adds or a browser page forges. Rejected: an "allow anybody"
  switch; it would be set on the first day and never taken back.
* With one, webhooks and the upgrade must carry Twilio's signature over `server.public_url`; a media
  stream needs the one-use token besides, because its handshake's signature is always the same.
* What tells details or does something for operators is for this machine, or for our own token.
* What a proxy forwards about an address is believed for limits and logs, if the config names the
  proxy. Rejected: letting it make a request local; one wrong line in a proxy would open the door.

What is bounded: connections and media sockets, all and those of one address (IPv6: one /64), body
(64 KiB), headers, the time of a TLS handshake, a request and a first message, one WebSocket message
(64 KiB) and how many come, the time one send may take. Loopback has no bound of its own for an
address: behind a proxy that is not named, everybody has it.
"""
