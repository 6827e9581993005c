"""Which engines serve a call: health learned from traffic, and a chain chosen by it. Pure.

`health.EngineHealth` is one engine's health, shared by all calls and fed with what they see;
`policy.choose_chain` turns a tier's wishes, capabilities and health into an ordered chain and says
why each engine stands where it stands. Time is an argument everywhere.

Choice: health moves *between* calls and turns, deadlines act *within* one. A caller's turn is
never the experiment that finds out whether an engine is well again; probes are.
"""
