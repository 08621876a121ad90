"""The command's first moments."""

import signal
import subprocess
import sys

SCRIPT = """
import os, signal, sys

class Impatient:
    def find_spec(self, name, *_):
        if name == "monitor.cli":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Impatient())
signal.signal(signal.SIGINT, signal.default_int_handler)
from monitor.start import main
main()
"""


def test_ctrl_c_while_it_loads_ends_it_without_a_traceback() -> None:
    ended = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, check=False)
    assert ended.returncode == -signal.SIGINT
    assert ended.stderr == b""
