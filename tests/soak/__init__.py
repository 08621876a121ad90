"""A day of walking, resting, faults and alerts through the whole process, in as little time as it takes."""
