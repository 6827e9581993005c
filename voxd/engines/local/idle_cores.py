"""How many cores have nothing to do at this moment. Asks the system; worker side.

The daemon's scheduler gives each worker its threads for as long as it computes (see `scheduler`).
A core that nobody has been given, or whose owner waits for something, can still help somebody for
a moment: whoever computes in steps looks before each.
"""

from pathlib import Path

LOAD = Path("/proc/loadavg")


def count_idle_cores(cores: int, load: Path = LOAD) -> int:
    """How many of so many cores are idle; the asker's own is not. 0 where nobody can tell.

    In a container the system counts what runs on the whole machine: then it may be too few, but is
    never too many.
    """
    try:
        running = int(load.read_text(encoding="ascii").split()[3].partition("/")[0])
    except (OSError, ValueError, IndexError):
        return 0
    return max(0, cores - max(running, 1))
