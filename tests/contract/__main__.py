"""Writes docs/asyncapi.json."""

from tests.contract.document import FILE, text

FILE.write_text(text())
