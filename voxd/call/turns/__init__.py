"""One call in turns: the other shell of the same brain. Twilio hears and speaks; we write.

Twilio asks, and is answered within `twiml.answer_s`: with the reply if it is written by then, else
with as much of it as there is, or with a filler, and the word to come back for more. So a call is
a chain of requests, each with the number of its step::

    voice, gather, more ──> requests ──> ear ──> inbox ──> brain ──> commands ──> shell
                               ^                                                    │
           TwiML <── answering ┴── mouth <── script <── writer <── language model <─┘

* `shell`: the inbox, the brain, one `match` over its commands;
* `answering`: when a request is answered, and by what; `patience` (pure): how long the next may
  take to come;
* `requests`: which step is expected, and the answer to the last one;
* `ear`: results and words so far, as the events that a media stream would bring;
* `script`: what is to be said (pure); `mouth`: what was said, as the events of its playback;
* `writer`: the model's replies as text; `work`: the tasks of a call.

What a media stream tells by sound is told here by requests:

* words so far (a partial callback) are speech that begins; words that stay the same for a moment
  are an eager end, at which the brain begins a reply, as it does at a pause;
* a result ends the turn: the pause was Twilio's to wait for, so the brain's own waits are zero;
* an empty result is the idle timer running out; keys come all at once;
* playback is a model: nobody tells what the caller has heard, and nothing that Twilio was given to
  say can be taken back.

Choice: an answer waits a moment for the whole reply instead of sending its first clause at once.
What is said before a `<Redirect>` cannot be interrupted, and each request costs Twilio's round
trip in silence. What would change it: models so slow that whole replies never come in time.
"""
