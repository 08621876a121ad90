"""The black box: every session on the device, written, read and let go of."""
