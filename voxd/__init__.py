"""voxd answers telephone calls with a voice AI.

One sentence: **a call is a queue of events, a pure brain that answers each with
commands, and a shell that performs them.**

Words a newcomer needs:

* *event* (`voxd.events`): something that happened, in the past tense, stamped with `at`.
* *command* (`voxd.commands`): something the brain asks for, in the imperative.
* *brain* (`voxd.dialog.conversation.Conversation`): synchronous and pure;
  `handle(event) -> list[Command]`. No clock, no I/O, no audio.
* *shell* (`voxd.call.live.LiveCall`): one inbox of events, one `match` over commands.
* *ear, reply, mouth* (`listener`, `replier`, `speaker` in `voxd.call`): samples travel
  line -> listener -> speech-to-text and text-to-speech -> speaker -> line beside the brain.
* *engine* (`voxd.engines`): one way to transcribe, answer or speak, behind `voxd.contracts`.
* *turn*: one thing the caller said, and the reply to it. *Attempt*: one try at a reply, with
  a call-unique `reply_id`; nothing of an attempt sounds or enters history before its commit.

Packages are rows, and each row imports only rows above it (a test walks the imports):

====  ==========================================================  ==============================
row   modules                                                     may use
====  ==========================================================  ==============================
0     events, commands, errors, contracts, config, settings,      standard library, pydantic
      phrases, placeholders, signing, schema, frozen,
      quickly, line
1     audio, twilio, dialog, selection                            row 0, libraries without I/O
2     engines, storage, telemetry, notify, lookup, tools,         rows 0-1, aiohttp, model libraries
      telephony, weights, records; posting and letting_go
      under them
3     runtime, with its chains, warmup, rendering; stack          rows 0-2
4     call                                                        rows 0-3
-     caller                                                      nothing of voxd but errors
5     server                                                      rows 0-4
6     app, with its reload, standing; cli, check, doctor,         everything
      reference, history
====  ==========================================================  ==============================
"""

__version__ = "0.1.0"
