"""The simulated caller: plays Twilio's part of a call and measures at the caller's ear.

It stands in for Twilio *and* for the person on the telephone. Everything here is written from
Twilio's documentation alone and shares no code with the daemon (own G.711, own JSON, own
signatures), so that a misunderstanding in the daemon's codec cannot confirm itself. The only
import from voxd is `voxd.errors`.

Words:

* *stream time*: seconds since the stream's first sample. Caller and agent share this one axis:
  the caller's sample n is spoken at n / 8000, whenever its frame really left.
* *plan* (`plan`): what the caller will do. *Report* (`report`): what came of it.
* *playback* (`playback`): Twilio's buffer. What is received is not what is heard: audio waits
  behind audio, `clear` drops it, and a mark comes back when playback reaches it.
* *ear* (`ear`): what the caller hears of that, as stretches of sound.
* *script* (`script`): the person. Once every 20 ms it decides what this frame carries.
* *measure* (`measure`): the finished call judged: answers, premature replies, holes.

Pure: `mulaw`, `wav`, `speech`, `playback`, `ear`, `script`, `measure`, `messages`, `twiml`,
`signature`, `plan`, `report`, `summary`. Reads files: `prompts`, `arguments`. I/O: `webhook`,
`stream`, `daemon`, `call` (`place_call`, for benches too). For people: `command`, `show`.

Design choice: playback is computed, not simulated. A buffer that plays in real time from
receipt is fully described by the arrival times of its messages, so the buffer needs no task and
no tick, costs nothing between messages and runs in virtual time in tests. Rejected: a player
task per call draining a queue every 20 ms; under load it measures its own lateness.
"""
