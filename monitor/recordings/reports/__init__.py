"""What a walker and a physiotherapist read."""
