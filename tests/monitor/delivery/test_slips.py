"""The printed sheet: a slip for each spotter, nothing from elsewhere, and a code that carries the address."""

import builtins
import re
from typing import Any

import pytest

from monitor.delivery.accounts import Role
from monitor.delivery.invitation import drawing
from monitor.delivery.roster import Account
from monitor.delivery.slips import sheet

EVA = Account("eva", Role.SPOTTER, ("anna", "bert"), on_slip=True)
URL = "mqtts://eva:p%26w@gym.local:8883/?device=anna&device=bert"


def test_a_slip_says_who_watches_whom_and_carries_the_address() -> None:
    pytest.importorskip("segno")
    page = sheet({EVA: URL})
    assert "<h2>eva</h2>" in page
    assert "watches anna, bert" in page
    assert URL.replace("&", "&amp;") in page
    assert page.count("<svg") == 1
    assert drawing(URL) in page


def test_nothing_is_fetched_from_elsewhere() -> None:
    page = sheet({EVA: URL})
    assert not re.search(
        r"<(script|link|img|iframe|object)|\b(src|href)=|url\(|@import|https?:(?!//www\.w3\.org)", page
    )


def test_without_segno_the_address_is_there_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name == "segno":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    page = sheet({EVA: URL})
    assert "<svg" not in page
    assert URL.replace("&", "&amp;") in page
