"""The page's HTTP side, against the server as it is served: who is let in, what is refused, what arrives."""

import gzip
import json
import re
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from typing import Any

import pytest

from monitor.core.vocabulary import InputKind, Reading
from monitor.delivery.mqtt import MqttSettings
from monitor.spotter.page.app import COOKIE, FILES, HEADERS, LARGEST_BYTES
from monitor.spotter.page.door import WRONG_PER_INVITATION, WRONG_PER_MINUTE
from monitor.spotter.page.hub import ANSWERS, REQUESTS, Hub
from monitor.spotter.page.page_settings import PageSettings
from monitor.spotter.page.places import PUSH_KEY
from monitor.spotter.page.push import make_keys
from tests.page_site import NOBODY, Reply, Site, Visitor, lowered
from tests.pulse import Pulse, wait_until

NONCE = map("nonce-{:08d}".format, count())

POSTS: dict[str, Any] = {
    "/leave": {},
    "/answer": {"device": "walker", "incident": "aaaa-1", "act": "coming", "nonce": "12345678"},
    "/request": {"device": "walker", "act": "test", "nonce": "12345678"},
    "/contact": {"device": "walker", "act": "coming", "nonce": "12345678"},
    "/pulse": {"page": "12345678", "can_ring": True, "why": "", "has": {"aaaa-1": 1}},
    "/roll-call": {},
    "/pressed": {},
    "/label": {"device": "walker", "incident": "aaaa-1", "label": "true"},
    "/missed": {"device": "walker", "about": "fall", "nonce": "12345678"},
    "/push": {"endpoint": "https://push.example/1", "keys": {}},
}
"""What may be posted with a session, and a body of its shape."""
GETS = ("/me", "/live", "/log?device=walker", "/clip?device=walker&incident=aaaa-1")


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One without a device, for tests that leave it as it is."""
    with Site(tmp_path_factory.mktemp("page")) as site:
        site.invite("somebody")  # SQLite keeps what it opens beside another of the same process
        yield site


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Site]:
    """One of the test's own, without a device."""
    with Site(tmp_path) as site:
        yield site


@pytest.fixture
def site(mqtt: MqttSettings, pulse: Pulse, tmp_path: Path) -> Iterator[Site]:
    """One with a device that is armed."""
    with Site(tmp_path, mqtt) as site:
        with site.visitor("somebody").live() as live:
            whole = live.until("all")
            if not whole["tiles"] or whole["tiles"][0]["look"] != "safe":
                live.until("tile", lambda tile: tile["look"] == "safe")
        yield site


def alert(visitor: Visitor, pulse: Pulse, name: str = "1", evidence: dict[str, Reading] | None = None) -> Any:
    """Raise one; as the page shows it."""
    with visitor.live() as live:
        pulse.raise_alert(name, evidence=evidence)
        return live.until("tile", lambda tile: tile["alerts"])["alerts"][0]


# ---------------------------------------------------------------- who is let in


@pytest.mark.parametrize("path", GETS)
def test_nothing_is_shown_without_a_session(path: str, alone: Site) -> None:
    for visitor in (alone.visitor(), Visitor(alone, f"{COOKIE}=nonsense"), Visitor(alone, f"{COOKIE}=")):
        reply = visitor.get(path)
        assert (reply.status, reply.why) == (401, "no_session")
    # 404 is only for who may know.
    assert alone.visitor("Eva").ask("HEAD" if path == "/live" else "GET", path).status in (200, 404)


@pytest.mark.parametrize("path", POSTS)
def test_nothing_is_done_without_a_session(path: str, alone: Site) -> None:
    for visitor in (alone.visitor(), Visitor(alone, f"{COOKIE}=nonsense")):
        for body in (POSTS[path], "nonsense", None):
            reply = visitor.post(path, body)
            assert (reply.status, reply.why) == (401, "no_session")


def test_every_way_in_is_held_by_these_tests(alone: Site) -> None:
    routes = {route.path: route.methods for route in alone.server.config.app.routes}
    gets = {path for path, methods in routes.items() if "GET" in methods}
    posts = {path for path, methods in routes.items() if "POST" in methods}
    assert gets == {path.partition("?")[0] for path in GETS} | set(FILES)
    assert posts == set(POSTS) | {"/enter"}


@pytest.mark.parametrize("by", ["code", "link"])
def test_an_invitation_gives_a_session_in_its_name_once(by: str, empty: Site) -> None:
    invitation, visitor = empty.invite("Eva"), empty.visitor()
    entered = visitor.post("/enter", {"word": getattr(invitation, by)})
    assert (entered.status, entered.said) == (200, {})
    assert visitor.get("/me").said == {"name": "Eva", "push_key": "", "tls": False, "version": "test"}
    for word in (invitation.code, invitation.link):
        again = empty.visitor().post("/enter", {"word": word})
        assert (again.status, again.why) == (403, "wrong_word")
        assert "set-cookie" not in again.headers


def test_the_cookie_is_for_this_site_and_no_script(empty: Site) -> None:
    entered = empty.visitor().post("/enter", {"word": empty.invite("Eva").link})
    name_and_secret, *rest = entered.headers["set-cookie"].split("; ")
    assert re.fullmatch(rf"{COOKIE}=[\w-]{{43}}", name_and_secret)
    assert {one.lower() for one in rest if not one.lower().startswith("expires")} == {
        "httponly",
        "samesite=strict",
        "path=/",
        f"max-age={180 * 86400}",
    }
    assert entered.headers["cache-control"] == "no-store"


def test_the_cookie_of_who_uses_it_lasts_as_long_as_the_session(empty: Site) -> None:
    visitor = empty.visitor("Eva")
    kept = visitor.cookie
    renewed = visitor.get("/me").headers["set-cookie"]
    assert visitor.cookie == kept
    assert f"Max-Age={180 * 86400}; Path=/; SameSite=strict" in renewed
    assert "set-cookie" not in Visitor(empty, f"{COOKIE}=nonsense").get("/me").headers


def test_guesses_are_refused_after_five(empty: Site) -> None:
    invitation, visitor = empty.invite("Eva"), empty.visitor()
    wrong = "000000" if invitation.code != "000000" else "111111"
    replies = [visitor.post("/enter", {"word": wrong}) for _ in range(WRONG_PER_MINUTE)]
    assert {(reply.status, reply.why) for reply in replies} == {(403, "wrong_word")}
    elsewhere = {"X-Forwarded-For": "192.0.2.7", "Forwarded": "for=192.0.2.7"}  # an address is no claim
    for headers in ({}, elsewhere):
        for word in (wrong, invitation.code):
            reply = visitor.post("/enter", {"word": word}, headers)
            assert (reply.status, reply.why) == (429, "too_many")
    assert visitor.post("/enter", {"word": invitation.link}).status == 200


def test_a_thousand_guesses_over_http_let_nobody_in(empty: Site) -> None:
    code = empty.invite("Eva").code
    words = (
        code if number > WRONG_PER_INVITATION else f"{(int(code) + 1 + number) % 10**6:06d}"
        for number in range(1000)
    )
    visitor = empty.visitor()
    assert {visitor.post("/enter", {"word": word}).status for word in words} == {403, 429}
    assert visitor.get("/me").status == 401


def test_whoever_leaves_is_out_and_his_cookie_with_him(empty: Site) -> None:
    visitor = empty.visitor("Eva")
    kept = visitor.cookie
    assert visitor.post("/leave").status == 200
    assert visitor.cookie == f'{COOKIE}=""'
    assert Visitor(empty, kept).get("/me").status == 401


def test_whoever_is_put_out_by_another_program_is_out_at_once(empty: Site) -> None:
    eva, tom = empty.visitor("Eva"), empty.visitor("Tom")
    with empty.door() as door:
        door.put_out("Eva")
    assert eva.get("/me").status == 401
    assert eva.pulse().status == 401
    assert tom.get("/me").status == 200


def test_a_session_that_is_ended_loses_its_stream_and_no_other_does(site: Site) -> None:
    eva, tom = site.visitor("Eva"), site.visitor("Tom")
    with eva.live() as evas, tom.live() as toms:
        evas.until("all")
        with site.door() as door:
            door.put_out("Eva")
        further = list(islice(evas.events(), 30))
        assert len(further) < 30  # and then it ends
        toms.until("tile")
        toms.until("tile")


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("headers", "status", "why"),
    [
        ({"Origin": None}, 403, "origin"),
        ({"Origin": "null"}, 403, "origin"),
        ({"Origin": ""}, 403, "origin"),
        ({"Origin": "http://evil.example"}, 403, "origin"),
        ({"Origin": "{origin}.evil.example"}, 403, "origin"),
        ({"Origin": "{origin}/"}, 403, "origin"),
        ({"Origin": "http://127.0.0.1:1"}, 403, "origin"),
        ({"Origin": "https://{host}"}, 403, "origin"),
        ({"Origin": "http://é"}, 403, "origin"),
        ({"Host": "evil.example"}, 403, "origin"),
        ({"Origin": "http://evil.example", "Content-Type": "text/plain"}, 403, "origin"),
        ({"Content-Type": None}, 415, "json"),
        ({"Content-Type": "text/plain"}, 415, "json"),  # what a form of another site can send
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415, "json"),
        ({"Content-Type": "application/jsonp"}, 415, "json"),
    ],
)
@pytest.mark.parametrize("path", ["/enter", *POSTS])
def test_other_sites_cannot_speak_for_a_spotter(
    path: str, headers: dict[str, str | None], status: int, why: str, alone: Site
) -> None:
    known = {"origin": alone.origin, "host": f"127.0.0.1:{alone.port}"}
    filled = {name: text and text.format(**known) for name, text in headers.items()}
    visitor = eva(alone)
    reply = visitor.post(path, {"word": "x"} if path == "/enter" else POSTS[path], filled)
    assert (reply.status, reply.why) == (status, why)
    assert visitor.get("/me").status == 200


SESSIONS: dict[int, str] = {}


def eva(site: Site) -> Visitor:
    """Eva with the session that she has here already."""
    if site.port not in SESSIONS:
        SESSIONS[site.port] = site.visitor("Eva").cookie
    return Visitor(site, SESSIONS[site.port])


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8"])
def test_json_is_taken_with_or_without_a_character_set(kind: str, alone: Site) -> None:
    assert eva(alone).post("/pressed", headers={"Content-Type": kind}).status == 200


BODIES = [path for path, body in POSTS.items() if body and path != "/push"]  # see below


@pytest.mark.parametrize("path", ["/enter", *BODIES])
def test_a_body_that_is_too_large_is_refused(path: str, alone: Site) -> None:
    visitor = eva(alone)
    for body in (b" " * (LARGEST_BYTES + 1), b"[" * 10_000_000):
        reply = post_bytes(visitor, alone, path, body)
        assert (reply.status, reply.why) == (413, "too_large")


def post_bytes(visitor: Visitor, site: Site, path: str, body: bytes) -> Reply:
    return visitor.ask("POST", path, body, {"Origin": site.origin, "Content-Type": "application/json"})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"1e999",
        b'"\xff"',
        b'"\\ud800"',
        b"[" * LARGEST_BYTES,
        b'{"a":' * 800,
    ],
)
@pytest.mark.parametrize("path", ["/enter", *BODIES])
def test_what_is_no_json_of_the_right_shape_is_refused(path: str, body: bytes, alone: Site) -> None:
    assert post_bytes(eva(alone), alone, path, body).status == 400


@pytest.mark.parametrize("path", ["/enter", *BODIES])
def test_text_that_is_no_utf_8_is_refused(path: str, alone: Site) -> None:
    _, body = changed(path)
    name, text = next((name, value) for name, value in body.items() if isinstance(value, str))
    whole = json.dumps(body | {name: "here"}).encode()
    for broken in (b"\xff", b"\\ud800", b"\xed\xa0\x80"):
        assert post_bytes(eva(alone), alone, path, whole.replace(b"here", broken)).status == 400, broken
    assert text


def changed(path: str, **values: object) -> tuple[str, dict[str, object]]:
    body = {"word": "x"} if path == "/enter" else POSTS[path]
    return path, {name: value for name, value in (body | values).items() if value is not ...}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        *(
            changed(path, who="Tom")
            for path in ("/enter", "/answer", "/request", "/contact", "/pulse", "/label", "/missed")
        ),
        changed("/enter", word=123456),
        changed("/enter", word="x" * 65),
        changed("/answer", act=...),
        changed("/answer", nonce="short"),
        changed("/answer", nonce="x" * 65),
        changed("/answer", device="x" * 65),
        changed("/request", nonce=...),
        changed("/contact", nonce=""),
        changed("/pulse", page="short"),
        changed("/pulse", can_ring=1),
        changed("/pulse", has={"aaaa-1": -1}),
        changed("/pulse", has={"aaaa-1": "1"}),
        changed("/pulse", has={f"{n}": 1 for n in range(101)}),
        changed("/pulse", has={"x" * 65: 1}),
        changed("/pulse", why="x" * 65),
        changed("/label", label="perhaps"),
        changed("/label", label="missed"),
        changed("/missed", about="link"),
        changed("/missed", nonce="short"),
    ],
)
def test_a_body_with_a_field_too_many_too_few_or_of_another_shape_is_refused(
    path: str, body: object, alone: Site
) -> None:
    assert eva(alone).post(path, body).status == 400


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/../app.py", 404),
        ("GET", "/static/page.js", 404),
        ("GET", "/%2e%2e/app.py", 404),
        ("POST", "/me", 405),
        ("GET", "/answer", 405),
        ("GET", "/enter", 405),
        ("PUT", "/answer", 405),
        ("OPTIONS", "/answer", 405),
        ("DELETE", "/", 405),
    ],
)
def test_what_there_is_not_is_not_there(method: str, path: str, status: int, alone: Site) -> None:
    reply = eva(alone).ask(method, path)
    assert reply.status == status
    assert headed(reply)
    assert "access-control-allow-origin" not in reply.headers


@pytest.mark.parametrize(
    "path",
    [
        "/log",
        "/log?device=another",
        "/log?device=walker&since=-1",
        "/log?device=walker&since=x",
        "/clip",
        "/clip?device=walker",
        "/clip?device=another&incident=aaaa-1",
    ],
)
def test_what_is_asked_about_and_nobody_knows_is_unknown(path: str, alone: Site) -> None:
    reply = eva(alone).get(path)
    assert (reply.status, reply.why) == (404, "unknown")


def test_a_number_of_any_length_is_no_defect(alone: Site) -> None:
    assert eva(alone).get(f"/log?device={NOBODY.device}&since={'9' * 5000}").status == 200


def test_a_door_that_cannot_be_opened_just_now_is_said_and_hurts_nobody(
    empty: Site, caplog: pytest.LogCaptureFixture
) -> None:
    visitor = empty.visitor("Eva")
    link = empty.invite("Tom").link
    with empty.door() as door:
        door._file.execute("BEGIN IMMEDIATE")
        for _ in range(2):
            reply = empty.visitor().post("/enter", {"word": link})
            assert (reply.status, reply.why) == (503, "door")
            assert headed(reply)
        assert visitor.get("/me").said["name"] == "Eva"
        assert visitor.pulse().status == 200
        door._file.execute("ROLLBACK")
    (complaint,) = caplog.records
    assert "cannot use" in complaint.getMessage()
    assert empty.visitor().post("/enter", {"word": link}).status == 200


def test_a_defect_is_an_answer_too_and_the_page_goes_on(
    empty: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    visitor = empty.visitor("Eva")
    with monkeypatch.context() as patch:
        patch.setattr(Hub, "pulse", lambda *_: 1 / 0)
        reply = visitor.pulse()
    assert (reply.status, reply.why) == (500, "defect")
    assert headed(reply)
    wait_until(lambda: "ZeroDivisionError" in caplog.text)
    assert visitor.pulse().status == 200


# ---------------------------------------------------------------- headers and files


def headed(reply: Reply) -> bool:
    """Has it all the headers that keep a browser from harm?"""
    return {name: reply.headers.get(name.lower()) for name in HEADERS} == HEADERS


@pytest.mark.parametrize("path", [*FILES, "/me", "/nothing"])
def test_every_reply_bears_the_headers_that_keep_a_browser_from_harm(path: str, alone: Site) -> None:
    reply = alone.visitor().get(path)
    assert headed(reply)
    policy = dict(
        part.strip().partition(" ")[::2] for part in reply.headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == policy["style-src"] == "'self'"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert not {"server", "strict-transport-security"} & set(reply.headers)


@pytest.mark.parametrize("path", FILES)
def test_a_static_file_is_sent_as_it_is_or_packed_or_not_again(path: str, alone: Site) -> None:
    visitor = alone.visitor()
    plain = visitor.get(path, Accept_Encoding="identity")
    packed = visitor.get(path, Accept_Encoding="gzip, br")
    assert (plain.status, packed.status) == (200, 200)
    assert plain.headers["content-type"] == packed.headers["content-type"] == FILES[path][1]
    assert "content-encoding" not in plain.headers
    if "content-encoding" in packed.headers:
        assert len(packed.body) < len(plain.body)
        assert gzip.decompress(packed.body) == plain.body
    else:
        assert packed.body == plain.body
    same = visitor.get(path, If_None_Match=plain.headers["etag"])
    assert (same.status, same.body) == (304, b"")
    assert same.headers["etag"] == packed.headers["etag"] == plain.headers["etag"]
    other = visitor.get(path, If_None_Match='"another"')
    assert other.status == 200
    for reply in (plain, packed, same):
        assert reply.headers["cache-control"] == "no-cache"
        assert reply.headers["vary"] == "Accept-Encoding"
        assert "set-cookie" not in reply.headers


def test_the_scripts_are_sent_packed(alone: Site) -> None:
    assert alone.visitor().get("/page.js", Accept_Encoding="gzip").headers["content-encoding"] == "gzip"


@pytest.mark.parametrize("path", ["/me", f"/log?device={NOBODY.device}"])
def test_what_is_said_of_a_walker_is_kept_nowhere(path: str, alone: Site) -> None:
    assert eva(alone).get(path).headers["cache-control"] == "no-store"


# ---------------------------------------------------------------- the live stream


def test_the_stream_s_first_event_holds_all_and_then_tiles_come(site: Site, mqtt: MqttSettings) -> None:
    visitor = site.visitor("Eva")
    visitor.pulse()
    with visitor.live() as live:
        events = live.events()
        kind, whole = next(events)
        assert kind == "all"
        assert whole["you"] == "Eva"
        (tile,) = whole["tiles"]
        assert (tile["device"], tile["look"], tile["armed"]) == (mqtt.device, "safe", True)
        assert len(whole["strips"][mqtt.device]) >= 1
        kind, people = next(events)
        assert (kind, people["people"]) == ("people", [{"name": "Eva", "can_ring": True, "why": ""}])
        beats = [next(data["beat"] for kind, data in events if kind == "tile") for _ in range(3)]
        assert beats == sorted(beats)
        assert live.content_type.startswith("text/event-stream")
        assert live.response.headers["cache-control"] == "no-store"
        assert headed(Reply(200, lowered(live.response), b""))


def test_a_walker_who_falls_is_seen_on_every_page(site: Site, pulse: Pulse) -> None:
    eva, tom = site.visitor("Eva"), site.visitor("Tom")
    with eva.live() as evas, tom.live() as toms:
        evas.until("all")
        toms.until("all")
        pulse.raise_alert("1", evidence={"peak_accel_g": Reading(3.2, 2.0)})
        for live in (evas, toms):
            tile = live.until("tile", lambda tile: tile["alerts"] and tile["alerts"][0]["evidence"])
            (shown,) = tile["alerts"]
            assert (tile["look"], shown["rings"], shown["stage"]) == ("falling", True, "active")
            assert shown["evidence"] == {"peak_accel_g": [3.2, 2.0]}


def test_a_page_that_is_closed_is_forgotten(empty: Site) -> None:
    hub = empty.server._hub
    visitor = empty.visitor("Eva")
    with visitor.live() as first, visitor.live() as second:
        first.until("all")
        second.until("all")
        assert len(hub._pages) == 2
    wait_until(lambda: not hub._pages)
    wait_until(lambda: not empty.server.server_state.connections)
    assert visitor.get("/me").status == 200


# ---------------------------------------------------------------- what people say


@pytest.mark.parametrize("act", ANSWERS)
def test_an_answer_bears_the_session_s_name_and_nobody_else_s(
    act: str, site: Site, pulse: Pulse, mqtt: MqttSettings
) -> None:
    eva, tom = site.visitor("Eva"), site.visitor("Tom")
    tom.pulse()
    incident = alert(eva, pulse)["id"]
    said = {"device": mqtt.device, "incident": incident, "act": act}
    assert eva.say("/answer", **said, who="Tom").status == 400
    assert eva.say("/answer", **said, name="Tom").status == 400
    assert eva.say("/answer", **said).status == 200
    wait_until(lambda: act in pulse.kinds())
    assert [(word.who, word.alert_id) for word in pulse.heard if word.kind == act] == [("Eva", incident)]


@pytest.mark.parametrize("act", REQUESTS)
def test_a_request_bears_the_session_s_name(act: str, site: Site, pulse: Pulse, mqtt: MqttSettings) -> None:
    assert site.visitor("Søren 陳").say("/request", device=mqtt.device, act=act).status == 200
    wait_until(lambda: pulse.heard)
    assert [(word.kind, word.who) for word in pulse.heard] == [(act, "Søren 陳")]


def test_an_answer_that_was_recorded_and_is_sent_again_is_refused(
    site: Site, pulse: Pulse, mqtt: MqttSettings
) -> None:
    eva, tom = site.visitor("Eva"), site.visitor("Tom")
    body = {"device": mqtt.device, "incident": alert(eva, pulse)["id"], "act": "coming", "nonce": "12345678"}
    assert eva.post("/answer", body).status == 200
    for again in (eva.post("/answer", body), tom.post("/answer", body)):
        assert (again.status, again.why) == (409, "repeated")
    wait_until(lambda: pulse.heard)
    assert eva.say("/request", device=mqtt.device, act="test").status == 200
    wait_until(lambda: InputKind.TEST in pulse.kinds())
    assert pulse.kinds() == [InputKind.COMING, InputKind.TEST]


def test_an_answer_to_what_is_over_is_refused(site: Site, pulse: Pulse, mqtt: MqttSettings) -> None:
    eva, tom = site.visitor("Eva"), site.visitor("Tom")
    incident = alert(eva, pulse)["id"]
    with tom.live() as live:
        live.until("all")
        assert eva.say("/answer", device=mqtt.device, incident=incident, act="false_alarm").status == 200
        live.until("tile", lambda tile: not tile["alerts"])
    for visitor, name in ((eva, incident), (tom, incident), (tom, "aaaa-99")):
        reply = visitor.say("/answer", device=mqtt.device, incident=name, act="coming")
        assert (reply.status, reply.why) == (409, "over")
    assert InputKind.COMING not in pulse.kinds()


@pytest.mark.parametrize(
    ("path", "body", "why"),
    [
        ("/answer", {"device": "another", "incident": "aaaa-1", "act": "coming"}, "unknown"),
        ("/answer", {"device": "walker", "incident": "aaaa-1", "act": "received"}, "unknown"),
        ("/answer", {"device": "walker", "incident": "aaaa-1", "act": "coming"}, "over"),
        ("/request", {"device": "walker", "act": "spotter_here"}, "unknown"),
        ("/request", {"device": "walker", "act": "test"}, "no_way"),
        ("/contact", {"device": "another", "act": "coming"}, "unknown"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_word(
    path: str, body: dict[str, str], why: str, alone: Site
) -> None:
    reply = eva(alone).post(path, body | {"nonce": next(NONCE)})
    assert (reply.status, reply.why) == (409, why)


def test_lost_contact_is_looked_after_in_the_session_s_name(empty: Site) -> None:
    eva, tom = empty.visitor("Eva"), empty.visitor("Tom")
    with tom.live() as live:
        live.until("all")
        assert eva.say("/contact", device=NOBODY.device, act="coming").status == 200
        live.until("tile", lambda tile: tile["signal"]["looked_after_by"] == "Eva")
    reply = tom.say("/contact", device=NOBODY.device, act="coming")
    assert (reply.status, reply.why) == (409, "over")


def listeners(pulse: Pulse) -> list[tuple[InputKind, str]]:
    kinds = (InputKind.SPOTTER_HERE, InputKind.SPOTTER_GONE)
    return [(word.kind, word.who) for word in pulse.heard if word.kind in kinds]


def test_a_phone_that_can_ring_listens_in_its_owner_s_name_until_it_falls_silent(
    site: Site, pulse: Pulse
) -> None:
    eva, tom = site.visitor("Eva"), site.visitor("Tom")
    assert tom.pulse(can_ring=False, why="hidden").status == 200
    assert eva.pulse().status == 200
    wait_until(lambda: listeners(pulse))
    wait_until(lambda: len(listeners(pulse)) == 2)  # it says no more
    assert listeners(pulse) == [(InputKind.SPOTTER_HERE, "Eva"), (InputKind.SPOTTER_GONE, "Eva")]


def test_a_phone_whose_sound_stops_no_longer_listens(site: Site, pulse: Pulse) -> None:
    eva = site.visitor("Eva")
    eva.pulse()
    wait_until(lambda: listeners(pulse) == [(InputKind.SPOTTER_HERE, "Eva")])

    def silent() -> bool:
        eva.pulse(can_ring=False, why="no_sound")
        return len(listeners(pulse)) == 2

    wait_until(silent)
    assert listeners(pulse)[1] == (InputKind.SPOTTER_GONE, "Eva")


def test_a_report_is_received_by_whose_phone_shows_it_and_can_ring(site: Site, pulse: Pulse) -> None:
    eva, tom, max_ = (site.visitor(name) for name in ("Eva", "Tom", "Max"))
    shown = alert(eva, pulse)
    received: list[str] = []

    def pulses(**eva_has: int) -> list[str]:
        tom.pulse(**{shown["id"]: shown["sequence"]})
        max_.pulse(can_ring=False, **{shown["id"]: shown["sequence"]})
        eva.pulse(**eva_has)
        received[:] = [name for known in pulse._standing.values() for name in known.received_by]
        return received

    wait_until(lambda: pulses(**{shown["id"]: shown["sequence"] - 1}) == ["Tom"])
    wait_until(lambda: pulses(**{shown["id"]: shown["sequence"]}) == ["Tom", "Eva"])


def test_a_roll_call_reaches_every_page_and_notes_who_presses(empty: Site) -> None:
    eva, tom = empty.visitor("Eva"), empty.visitor("Tom")

    def called(data: Any) -> bool:
        return data["roll_call"] is not None

    with tom.live() as live:
        live.until("all")
        assert eva.post("/roll-call").status == 200
        call = live.until("people", called)["roll_call"]
        assert (call["by"], call["pressed"]) == ("Eva", {})
        assert tom.post("/pressed").status == 200
        call = live.until("people", lambda data: called(data) and data["roll_call"]["pressed"])["roll_call"]
        assert list(call["pressed"]) == ["Tom"]
        assert eva.post("/roll-call").status == 200  # it has just begun, and goes on
        assert tom.get("/me").status == 200
        call_on = eva.post("/pressed")
        assert call_on.status == 200
        both = live.until("people", lambda data: called(data) and len(data["roll_call"]["pressed"]) == 2)
        assert both["roll_call"]["number"] == call["number"]


def lines(visitor: Visitor, device: str, since: int = 0) -> list[dict[str, Any]]:
    reply = visitor.get(f"/log?device={device}&since={since}")
    assert reply.status == 200
    return reply.said["lines"]


def test_the_log_is_read_from_any_line_on(site: Site, pulse: Pulse, mqtt: MqttSettings) -> None:
    eva = site.visitor("Eva")
    incident = alert(eva, pulse)["id"]
    wait_until(lambda: [line for line in lines(eva, mqtt.device) if line["incident"] == incident])
    found = lines(eva, mqtt.device)
    assert [line["number"] for line in found] == list(range(1, len(found) + 1))
    assert found[-1]["text"].startswith("FALL suspected")
    assert lines(eva, mqtt.device, len(found) - 1) == found[-1:]
    assert lines(eva, mqtt.device, len(found)) == []
    course = eva.get(f"/log?device={mqtt.device}").said["course"]
    assert [steps for _, steps, _ in course] == [0] * len(course)  # nobody walks
    assert course


def test_a_label_is_kept_with_who_gave_it_over_a_restart(
    site: Site, pulse: Pulse, mqtt: MqttSettings, tmp_path: Path
) -> None:
    eva, tom = site.visitor("Eva"), site.visitor("Tom")
    incident = alert(eva, pulse)["id"]
    wait_until(lambda: [line for line in lines(eva, mqtt.device) if line["incident"] == incident])

    def labels(visitor: Visitor) -> set[str]:
        return {line["label"] for line in lines(visitor, mqtt.device) if line["incident"] == incident}

    assert labels(tom) == {""}
    for visitor, label in ((eva, "true"), (tom, "false")):
        assert (
            visitor.post("/label", {"device": mqtt.device, "incident": incident, "label": label}).status
            == 200
        )
        assert labels(eva) == {label}
    kept = [json.loads(line) for line in (tmp_path / "labels.jsonl").read_text().splitlines()]
    assert [(line["label"], line["who"], line["incident"]) for line in kept] == [
        ("true", "Eva", incident),
        ("false", "Tom", incident),
    ]
    assert kept[0]["text"].startswith("FALL suspected")
    with Site(tmp_path, mqtt) as again:
        visitor = Visitor(again, eva.cookie)
        assert visitor.get("/me").said["name"] == "Eva"
        with visitor.live() as live:  # the heartbeat lists what is open
            live.until("all")
            live.until("tile", lambda tile: tile["alerts"])
        wait_until(lambda: labels(visitor))
        assert labels(visitor) == {"false"}


@pytest.mark.parametrize(
    ("device", "incident"), [("walker", "aaaa-99"), ("another", "aaaa-1"), ("walker", "")]
)
def test_a_label_is_for_an_alert_that_was_told(device: str, incident: str, alone: Site) -> None:
    body = {"device": device, "incident": incident, "label": "true"}
    reply = eva(alone).post("/label", body)
    assert (reply.status, reply.why) == (404, "unknown")
    assert not (alone.folder / "labels.jsonl").exists()


def said_labels(pulse: Pulse) -> list[tuple[str, str, str, str | None]]:
    """What of labels has reached the device."""
    labels = [word for word in list(pulse.heard) if word.kind is InputKind.LABEL]
    return [(word.alert_id, word.label, word.who, word.about) for word in labels]


def test_a_label_goes_to_the_device_in_the_session_s_name(
    site: Site, pulse: Pulse, mqtt: MqttSettings
) -> None:
    visitor = site.visitor("Eva")
    incident = alert(visitor, pulse)["id"]
    wait_until(lambda: [line for line in lines(visitor, mqtt.device) if line["incident"] == incident])
    visitor.post("/label", {"device": mqtt.device, "incident": incident, "label": "false"})
    wait_until(lambda: said_labels(pulse) == [(incident, "false", "Eva", None)])


def test_what_the_device_has_missed_is_said_to_it_at_once_and_once(
    site: Site, pulse: Pulse, mqtt: MqttSettings
) -> None:
    visitor = site.visitor("Eva")
    assert visitor.say("/missed", device=mqtt.device, about="stumble").status == 200
    wait_until(lambda: said_labels(pulse) == [("", "missed", "Eva", "stumble")])
    body = {"device": mqtt.device, "about": "stumble", "nonce": next(NONCE)}
    assert visitor.post("/missed", body).status == 200
    reply = visitor.post("/missed", body)
    assert (reply.status, reply.why) == (409, "repeated")


def test_without_contact_nothing_is_noted_as_missed(alone: Site) -> None:
    reply = eva(alone).say("/missed", device="walker", about="fall")
    assert (reply.status, reply.why) == (409, "no_contact")


def test_a_label_that_cannot_be_kept_is_said(
    site: Site, pulse: Pulse, mqtt: MqttSettings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    visitor = site.visitor("Eva")
    incident = alert(visitor, pulse)["id"]
    (tmp_path / "labels.jsonl").mkdir()
    wait_until(lambda: [line for line in lines(visitor, mqtt.device) if line["incident"] == incident])
    reply = visitor.post("/label", {"device": mqtt.device, "incident": incident, "label": "true"})
    assert (reply.status, reply.why) == (507, "not_kept")
    assert "a label is lost" in caplog.text


def test_the_signal_around_an_alert_is_shown(site: Site, pulse: Pulse, mqtt: MqttSettings) -> None:
    visitor = site.visitor("Eva")
    incident = alert(visitor, pulse)["id"]
    with visitor.live() as live:
        live.until("tile", lambda tile: tile["alerts"][0]["picture"])
    reply = visitor.get(f"/clip?device={mqtt.device}&incident={incident}")
    assert (reply.status, reply.said["id"]) == (200, incident)
    assert len(reply.said["accel_g"]) == len(reply.said["rate_dps"]) == round(8.0 / reply.said["bin_s"])


# ---------------------------------------------------------------- push


@pytest.fixture
def pushing(tmp_path: Path) -> Iterator[Site]:
    make_keys(tmp_path / PUSH_KEY)
    with Site(tmp_path, settings=PageSettings(push_contact="mailto:eva@example.org")) as site:
        yield site


PUSH = "https://push.example.net/send/1"


def posted(endpoint: str = PUSH) -> dict[str, object]:
    """As a browser's PushSubscription says of itself: the phone's keys of RFC 8291's example."""
    point = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
    keys = {"p256dh": point, "auth": "BTBZMqHH6r4Tts7J_aSIgg"}
    return {"endpoint": endpoint, "expirationTime": None, "keys": keys}


def test_a_phone_subscribes_with_the_page_s_key_and_ends_it(pushing: Site) -> None:
    eva, tom = pushing.visitor("Eva"), pushing.visitor("Tom")
    assert re.fullmatch(r"[\w-]{87}", eva.get("/me").said["push_key"])
    for visitor, endpoint in ((eva, PUSH), (tom, f"{PUSH}2"), (eva, f"{PUSH}3")):
        assert visitor.post("/push", posted(endpoint)).status == 200
    with pushing.door() as door:
        rows = [(origin, json.loads(text)["endpoint"]) for _, origin, text, _ in door.subscriptions()]
        assert sorted(rows) == [(pushing.origin, f"{PUSH}2"), (pushing.origin, f"{PUSH}3")]
        assert eva.post("/push", None).status == 200
        assert len(door.subscriptions()) == 1
        assert tom.post("/leave").status == 200
        assert door.subscriptions() == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        "x",
        {"endpoint": PUSH},
        {"endpoint": PUSH, "keys": {"p256dh": "x", "auth": "y"}},
        posted("https://127.0.0.1/send"),
        posted("https://router.local/send"),
        posted("http://push.example.net/send"),
        posted("https://192.168.1.1/send"),
        posted("https://push.example.net:22/send"),
        posted(PUSH + "x" * 1000),
    ],
)
def test_what_is_no_subscription_at_a_public_service_is_refused(body: object, pushing: Site) -> None:
    reply = pushing.visitor("Eva").post("/push", body)
    assert reply.status == 400
    with pushing.door() as door:
        assert door.subscriptions() == []


def test_a_subscription_that_is_too_large_or_no_json_is_refused(pushing: Site) -> None:
    eva = pushing.visitor("Eva")
    assert post_bytes(eva, pushing, "/push", b" " * (LARGEST_BYTES + 1)).status == 413
    for body in (b"nonsense", b"", b"[" * LARGEST_BYTES, b'["\xff"]', b'{"a":' * 800):
        assert post_bytes(eva, pushing, "/push", body).status == 400


def test_without_push_there_is_none(alone: Site) -> None:
    visitor = eva(alone)
    assert visitor.get("/me").said["push_key"] == ""
    reply = visitor.post("/push", POSTS["/push"])
    assert (reply.status, reply.why) == (404, "no_push")
