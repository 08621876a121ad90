"""``make fresh``: what a stranger does, in minimal Debian roots."""
