"""Why it rang, what was right, and which settings would have done better."""
