"""What can be typed: one file for each command, its options in it."""
