"""Everything behind the samples: detection, alarm, delivery, the spotter's side, recordings, commands."""

import os

# Before NumPy loads: the products here are small, and threads that wait for each other only cost.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
