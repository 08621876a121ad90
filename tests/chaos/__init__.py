"""``make chaos``: the real ``rearguard run``, all round it broken at random, and a judge of what is known."""
