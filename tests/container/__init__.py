"""The units under Debian's own systemd, PID 1 of a container over this machine's files."""
