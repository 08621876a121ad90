"""Links that answer: pressed they do, looked at they do not, and they end with their incident."""

import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from monitor.core.vocabulary import InputKind
from monitor.spotter.phone_answers import LARGEST_BYTES, LINKS, PhoneAnswer, PhoneAnswers


@pytest.fixture
def answers() -> Iterator[PhoneAnswers]:
    served = PhoneAnswers(0, "http://phone.example/", "127.0.0.1")
    yield served
    served.close()


def status(answers: PhoneAnswers, link: str, body: bytes | None) -> int:
    """What a POST of ``body``, or a GET without one, is answered with."""
    here = link.replace("http://phone.example", f"http://127.0.0.1:{answers.port}")
    try:
        with urllib.request.urlopen(urllib.request.Request(here, body), timeout=10) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_pressing_answers_and_looking_does_not(answers: PhoneAnswers) -> None:
    link = answers.link("ab12-1", InputKind.COMING)
    assert link == answers.link("ab12-1", InputKind.COMING)
    assert status(answers, link, None) == 405
    assert answers.answers.empty()
    assert status(answers, link, b"") == 200
    assert answers.answers.get() == PhoneAnswer("ab12-1", InputKind.COMING)


def test_what_is_no_link_and_what_is_too_large_does_nothing(answers: PhoneAnswers) -> None:
    link = answers.link("ab12-1", InputKind.COMING)
    assert status(answers, f"{link}x", b"") == 404
    assert status(answers, link, b"x" * (LARGEST_BYTES + 1)) == 413
    assert answers.answers.empty()
    assert answers.refused == 1


def test_links_end_with_their_incident_and_do_not_grow_without_bound(answers: PhoneAnswers) -> None:
    over, open_ = (answers.link(incident, InputKind.FALSE_ALARM) for incident in ("over", "open"))
    answers.forget({"open"})
    assert [status(answers, link, b"") for link in (over, open_)] == [404, 200]
    first = answers.link("first", InputKind.COMING)
    for number in range(LINKS):
        answers.link(str(number), InputKind.COMING)
    assert status(answers, first, b"") == 404
