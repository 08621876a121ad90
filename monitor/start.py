"""The command's first lines, before anything is loaded: Ctrl-C then ends it without a traceback."""

import signal


def main() -> int:
    """``rearguard``."""
    ctrl_c = signal.getsignal(signal.SIGINT)
    if ctrl_c is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from monitor import cli

    signal.signal(signal.SIGINT, ctrl_c)
    return cli.main()
