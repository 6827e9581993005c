"""`voxd history`, `voxd show` and `voxd stats`: records of calls, read for people.

`command` knows the arguments and asks `reading`; `stats` computes (pure); `show` and `waterfall`
print. They read the database that the config names, while a daemon writes it or without one.
"""
