"""How far a threshold may be raised: no recommendation goes further, whatever a person's labels say.

`python -m training.floor` measures, on recordings of people, up to where each threshold alone loses no more
than a share of what it finds as shipped. The floor lies half-way there. docs/results/floor.json has the
figures, and a test compares.
"""

FLOOR = {
    "fall.falling_threshold": 3.25,
    "fall.down_threshold": -0.75,
    "stumble.threshold": 3.75,
    "unsafe_step.amber_score": 0.7,
    "unsafe_step.limit_mads": 12.0,
}
"""Highest values. Those of unsafe steps are not measured: no recordings hold enough of them."""
