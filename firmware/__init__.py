"""Everything that touches the pins of the Pi."""
