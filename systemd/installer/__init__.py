"""The installer: standard library only, since it runs before anything is installed.

What it runs on (``machine``), the two slots a version can be in (``slots``), what makes a fresh machine ready
(``steps``), how one version takes over from another (``trial``), and how all of it goes (``removal``).
"""
