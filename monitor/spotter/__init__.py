"""The receiver's side: what a spotter knows of one device, and how he is told."""
