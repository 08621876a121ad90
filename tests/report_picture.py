"""The picture of docs/report.md, docs/img/report.png: the report on a simulated session, after two others.

python -m tests.report_picture
"""

import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image

from monitor.cli import main
from monitor.recordings.simulated_walker import BACKWARD_SHARE, SPEED_MPS, Move, Script
from tests.journals import record
from tests.page_process import chromium

PICTURE = Path(__file__).parents[1] / "docs" / "img" / "report.png"
SHORT: Script = [(3.0, Move.STAND), (90.0, Move.BACKWARD), (3.0, Move.STAND)]
LONG: Script = [
    (3.0, Move.STAND),
    (70.0, Move.BACKWARD),
    (4.0, Move.UNSAFE_STEP),
    (60.0, Move.BACKWARD),
    (5.0, Move.STUMBLE),
    (60.0, Move.BACKWARD),
]
WALKED_M = round(SPEED_MPS * BACKWARD_SHARE * sum(s for s, move in LONG if move is not Move.STAND))
"""As far as it truly went: the simulated walker is no pendulum."""

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        journal = Path(folder) / "journal.db"
        record(journal, SHORT, SHORT, LONG)
        words = ["report", "--config", "/dev/null", "--journal", str(journal), "--folder", folder]
        assert main([*words, "--walked", str(WALKED_M)]) == 0
        page = browser.new_page(viewport={"width": 760, "height": 1600})
        page.goto((Path(folder) / "session-3.html").as_uri())
        taken = Image.open(BytesIO(page.screenshot()))
        taken.convert("RGB").quantize(128).save(PICTURE, optimize=True)
