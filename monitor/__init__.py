"""Everything that decides and tells."""
