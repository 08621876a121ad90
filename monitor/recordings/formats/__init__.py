"""Sessions for other programs, and other devices' tables as recordings."""
