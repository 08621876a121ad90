"""The device's way out: alerts and heartbeat to the broker, answers and requests back in."""
