"""A real Home Assistant with the announcement and the blueprint: ``make ha-test``."""
