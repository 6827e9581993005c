"""`scripts/bench peer`: voxd beside pipecat, answering the same caller on the same machine.

Both get the same recorded prompts, the same pauses, the same weights (`config.toml`), the same
system prompt, greeting, temperature, length of reply and stop texts, and are called alternately.
What a caller hears is judged by the same code, `voxd.caller`. pipecat runs in a virtual environment
of its own, made from `locks/peer.txt`; nothing comes from a model hub: Silero's VAD and smart-turn
lie in pipecat's wheel, the rest are voxd's own weights.

===============  ==============================================================================
setup.py         pipecat's settings, `default` and `tuned`, each with its reason. Pure
environment.py   the virtual environment
servers.py       the processes: pipecat's agents, and the language model's server for them
order.py         who is called when. Pure
verdict.py       figures and the gate. Pure
table.py         the result for people
bench.py         all of it together
agent.py         in the peer's environment: the web server, and the models, loaded once and warm
bot.py           in the peer's environment: the pipeline of one call
clauses.py       in the peer's environment: the `tuned` text aggregator
===============  ==============================================================================

The wiring follows pipecat's own examples (`examples/voice/voice-piper.py`, the Twilio template of
its command line tool) but for three things, all to its advantage: models are loaded once per
process and not once per call, they are warm before the first call, and the greeting is spoken as it
is and not written by the language model. Whisper and Silero get 16 kHz: the Twilio template's 8 kHz
would be taken for 16 kHz by Whisper. The language model is served by llama-cpp-python's own
OpenAI-compatible server with the threads it takes by itself (half the cores to write, all to read),
compiled as for voxd.

`scripts/bench peer --turns 2 --pause-prompts 0` is the smoke test; it is no part of the suite,
because it installs an environment. The machine must be idle: pipecat's libraries use as many
threads as there are cores, and whatever else computes slows them down more than it does voxd's.
"""
