"""How often what nobody has answered is reported again: soon at first, then less and less often.

An alarm that rings for ever at one pace is switched off, or uses up what a service takes in a day: the
message it then refuses may be a real fall.
"""

LONGEST_S = 3600.0


def pause_s(lasted_s: float, shortest_s: float) -> float:
    """Seconds to the next report of what has lasted ``lasted_s``: at most some 45 in a day.

    ``shortest_s`` at first, then a third of the time that it has lasted, an hour in the end.
    """
    return min(max(shortest_s, lasted_s / 3), LONGEST_S)
