"""The tables of config.toml, their reading and judging. Row 0; others import `voxd.config`.

* `whole` has all tables together and how one call sees them; `table` is the base of each.
* `machine`, `calls`, `phrases`, `agents`, `tiers`, `numbers`, `services`: the tables by subject;
  `values` has the kinds of values that several of them share.
* `reading` reads a file and judges its keys one by one; `cross_checks` and `tools` judge what keys
  are together.
"""
