"""Detector and alarm: NumPy and arithmetic, no clock, no file, no thread, no network."""
