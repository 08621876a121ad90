"""The spotter's web page."""
