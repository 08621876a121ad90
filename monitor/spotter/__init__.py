"""The receiver's side: what a spotter knows of one device, and how it is shown and sent to him."""
