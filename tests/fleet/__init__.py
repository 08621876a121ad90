"""Thirty walkers and more on a broker of three nodes, of which one may be lost: ``make fleet``."""
