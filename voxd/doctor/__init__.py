"""`voxd doctor`: tries what a configuration names, and the machine it is to run on. I/O.

`check` looks at files only; here something is asked, connected and computed, once, and nothing is
changed. A `Finding` is one line: good, something to look at (warn) or something that calls will
meet (bad), always with what to do. Each module finds one kind of them:

* `providers`: the engines' own `warm` and `probe`, which are what the daemon itself does; so a key
  that passes here passes there. Twilio's account is tried by asking for a call that is none.
* `address`: the public URL from the outside, as far as that can be seen from the inside.
* `weights`: the models' hashes; `machine`: files, disk, memory, clock; `database`: the records.
* `capacity`: calls of the simulated caller (`voxd.caller`) to a daemon in this process, with the
  local engines only. The same code that serves, so the figure needs no model of its own.

`command` has them all in order.
"""
