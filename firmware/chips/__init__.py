"""One file per chip family; identify() finds which one answers."""
