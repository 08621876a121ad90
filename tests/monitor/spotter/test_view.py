"""What a spotter is shown: loss of contact, lateness, each report once. All time is made up."""

from dataclasses import dataclass, replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.alarm_rules import (
    CONFIRMED,
    CONFIRMED_ACKNOWLEDGED,
    SUSPECTED,
    SUSPECTED_ACKNOWLEDGED,
)
from monitor.core.alarm_rules import State as At
from monitor.core.vocabulary import Alert, AlertKind, Certainty, InputKind, Priority, Stage
from monitor.delivery import messages
from monitor.delivery.messages import AlertMessage, Incident, Moment, State, Topics
from monitor.spotter.incident import Notice, Tone
from monitor.spotter.view import NO_CONTACT_S, REMIND_S, SpotterView

TOPICS = Topics("walker")


@dataclass
class Play:
    """A view, its clock, and the device it hears."""

    skew_s: float = 0.0  # our clocks minus the device's
    boot: str = "aaaa"

    def __post_init__(self) -> None:
        self.view = SpotterView("walker")
        self.time_s = 0.0
        self.beat_number = 0
        self.sent = self.first = 0

    @property
    def moment(self) -> Moment:
        return Moment(self.time_s + self.skew_s, 1e9 + self.time_s + self.skew_s)

    def wait(self, seconds: float) -> list[Notice]:
        notices = []
        for _ in range(round(seconds * 10)):
            self.time_s += 0.1
            notices += self.view.tick(self.moment)
        return notices

    def beat(
        self,
        armed: bool = True,
        retained: bool = False,
        incidents: tuple[Incident, ...] = (),
        waits_for: tuple[str, ...] = (),
    ) -> list[Notice]:
        if not retained:
            self.beat_number += 1
        state = State(
            self.boot,
            self.beat_number,
            self.time_s,
            1e9 + self.time_s,
            1.0,
            armed,
            False,
            incidents,
            alerts=self.sent,
            first=self.first,
            waits_for=waits_for,
        )
        return self.view.update(TOPICS.state, messages.encode(state), retained, self.moment)

    def seen(self) -> None:
        self.beat()
        self.beat()

    def stage(
        self,
        at: At,
        alert_id: str = "1",
        priority: Priority = Priority.HIGH,
        sequence: int | None = None,
    ) -> AlertMessage:
        self.sent += 1
        alert_id = f"{self.boot}-{alert_id}"
        alert = Alert(alert_id, sequence or self.sent, AlertKind.FALL, priority, *at, self.time_s, who="Eva")
        return messages.alert_message(alert, self.boot, Moment(self.time_s, 1e9 + self.time_s))

    def hear(self, message: AlertMessage, retained: bool = False) -> list[Notice]:
        return self.view.update(TOPICS.alert, messages.encode(message), retained, self.moment)


CLEARED = At(Certainty.CONFIRMED, Stage.CLEARED)


def tones(notices: list[Notice]) -> list[Tone]:
    return [notice.tone for notice in notices]


def test_a_retained_heartbeat_proves_nothing_until_its_sequence_moves() -> None:
    play = Play()
    play.beat_number = 41
    assert play.beat(retained=True) == []
    assert play.view.no_contact
    assert Tone.RING in tones(play.wait(NO_CONTACT_S + 0.2))
    assert tones(play.beat()) == [Tone.CALM]
    assert not play.view.no_contact


def test_a_retained_heartbeat_met_on_coming_back_proves_nothing_either() -> None:
    play = Play()
    play.seen()
    play.view.disconnected("our own broker restarts", play.moment)
    play.beat_number += 5  # the device sent some meanwhile, and may have died since
    play.beat(retained=True)
    assert play.view.no_contact
    play.beat()
    assert not play.view.no_contact


def test_a_stage_repeated_long_after_its_incident_ended_is_not_reported_again() -> None:
    play = Play()
    play.seen()
    stages = [play.stage(stage, str(n)) for n in range(60) for stage in (CONFIRMED, CLEARED)]
    for message in stages:
        play.hear(message)
    play.beat()
    assert [notice for message in stages for notice in play.hear(message)] == []
    assert play.view.duplicates == len(stages)


def test_a_heartbeat_repeated_without_moving_is_silence() -> None:
    play = Play()
    play.seen()
    for _ in range(5):
        play.wait(1.0)
        play.beat_number -= 1
        play.beat()
    assert play.view.no_contact


def test_silence_rings_after_three_missed_beats_and_again_until_the_device_is_back() -> None:
    play = Play()
    play.seen()
    assert play.wait(NO_CONTACT_S - 0.2) == []
    assert tones(play.wait(0.4)) == [Tone.RING]
    assert tones(play.wait(2 * REMIND_S + 0.2)) == [Tone.RING, Tone.RING]
    assert tones(play.beat()) == [Tone.CALM]


def test_the_last_will_rings_at_once() -> None:
    play = Play()
    play.seen()
    notices = play.view.update(TOPICS.availability, messages.OFFLINE, True, play.moment)
    assert tones(notices) == [Tone.RING]
    assert play.view.no_contact


def test_reminders_of_what_nobody_answers_become_rare() -> None:
    """A bell in the room too: whoever has heard it fifty times closes the window."""
    play = Play()
    play.seen()
    play.wait(4.0)
    rung = []
    for second in range(24 * 3600):
        play.time_s += 1.0
        rung += [second for _ in play.view.tick(play.moment)]
    assert sum(second < 25 for second in rung) == 4
    assert len(rung) < 60
    assert max(rung) > 23 * 3600


def test_reasons_that_take_turns_do_not_ring_each_time() -> None:
    play = Play()
    play.seen()
    reasons = ["cannot reach the broker", "no answer from the broker"] * 10
    told = [notice for reason in reasons for notice in play.view.disconnected(reason, play.moment)]
    assert tones(told) == [Tone.RING, Tone.NOTE]


def switched_off(play: Play) -> list[Notice]:
    return play.view.update(TOPICS.availability, messages.SWITCHED_OFF, True, play.moment)


def test_a_device_that_is_switched_off_while_disarmed_is_no_reason_to_ring() -> None:
    play = Play()
    play.beat(armed=False)
    play.beat(armed=False)
    (notice,) = switched_off(play)
    assert (notice.tone, notice.text) == (Tone.NOTE, "switched off")
    assert play.view.calm
    assert play.view.no_contact
    assert play.wait(60) == []
    assert tones(play.beat(armed=False)) == [Tone.NOTE]


def test_one_that_is_switched_off_while_armed_rings() -> None:
    play = Play()
    play.seen()
    (notice,) = switched_off(play)
    assert (notice.tone, notice.text) == (Tone.RING, "NO CONTACT: the device was switched off while armed")
    assert Tone.RING in tones(play.wait(10))


def test_also_when_it_was_so_before_our_time_and_its_last_heartbeat_comes_later() -> None:
    play = Play()
    assert tones(switched_off(play)) == [Tone.NOTE]
    play.beat(retained=True)
    assert tones(play.wait(NO_CONTACT_S + 0.2)) == [Tone.RING]


def test_a_death_after_it_was_switched_on_again_is_a_death() -> None:
    play = Play()
    play.beat(armed=False)
    play.beat(armed=False)
    switched_off(play)
    play.beat(armed=False)
    play.view.update(TOPICS.availability, messages.OFFLINE, True, play.moment)
    assert not play.view.calm


def test_another_spotter_who_looks_after_lost_contact_ends_the_reminders_until_it_is_lost_again() -> None:
    play = Play()
    play.seen()
    play.wait(4.0)
    answer = messages.encode_answer(messages.NO_CONTACT, InputKind.COMING, "Eva\x07")
    (notice,) = play.view.update(TOPICS.answer_of("page"), answer, False, play.moment)
    assert notice.text == "no contact: Eva  (page) is looking after it"
    nameless = Play()
    nameless.seen()
    nameless.wait(4.0)
    (notice,) = nameless.view.update(TOPICS.answer, answer, False, nameless.moment)
    assert notice.text == "no contact: somebody is looking after it"  # as earlier versions say it
    assert play.wait(600) == []
    play.beat()
    assert Tone.RING in tones(play.wait(4.0))
    assert play.wait(10) != []


def test_those_for_whom_our_own_account_speaks_are_called_by_their_own_names() -> None:
    """So the page says "you are coming" to whom it let in, and not to who bears that name elsewhere."""
    play = Play()
    play.view = SpotterView("walker", account="page")
    play.seen()
    sent = play.stage(CONFIRMED)
    entry = Incident(sent.id, 1, sent.kind, sent.priority, sent.certainty, Stage.ACKNOWLEDGED, 0.0)
    for who, shown in (("Eva (page)", "Eva"), ("Eva (phones)", "Eva (phones)"), ("eva", "eva")):
        play.sent += 1
        play.hear(msgspec.structs.replace(sent, who=who, sequence=play.sent))
        assert play.view.incidents[sent.id].who == shown
        play.sent += 1
        play.beat(incidents=(msgspec.structs.replace(entry, who=who, sequence=play.sent),))
        assert play.view.incidents[sent.id].who == shown
    waits = msgspec.structs.replace(entry, stage=Stage.ACTIVE, sequence=play.sent + 1)
    for received_by, receipted in ((), False), (("Eva",), False), (("Eva (page)",), True):
        play.beat(incidents=(msgspec.structs.replace(waits, received_by=received_by),))
        assert (play.view.unreceipted("Eva") == []) is receipted
    assert play.view.state is not None
    play.view.state = msgspec.structs.replace(play.view.state, spotters=("Eva (page)", "Tom (phones)", "max"))
    assert play.view.listening() == ("Eva", "Tom (phones)", "max")


def test_answers_to_incidents_are_the_device_s_business() -> None:
    play = Play()
    play.wait(4.0)
    answer = messages.encode_answer("aaaa-1", InputKind.COMING)
    assert play.view.update(TOPICS.answer_of("eva"), answer, False, play.moment) == []
    assert play.view.update(TOPICS.answer_of("eva"), b"nonsense", False, play.moment) == []
    assert not play.view.looked_after_by


def test_a_fall_that_is_confirmed_while_somebody_is_coming_is_shown_red_and_does_not_ring() -> None:
    play = Play()
    play.seen()
    play.hear(play.stage(SUSPECTED))
    assert tones(play.hear(play.stage(SUSPECTED_ACKNOWLEDGED))) == [Tone.CALM]
    (notice,) = play.hear(play.stage(CONFIRMED_ACKNOWLEDGED))
    assert (notice.tone, notice.text) == (Tone.WARN, "FALL confirmed, acknowledged by Eva")


def test_also_when_only_the_heartbeat_brings_it() -> None:
    play = Play()
    play.seen()
    play.hear(play.stage(SUSPECTED))
    play.hear(play.stage(SUSPECTED_ACKNOWLEDGED))
    lost = play.stage(CONFIRMED_ACKNOWLEDGED)
    entry = Incident(lost.id, lost.sequence, lost.kind, lost.priority, lost.certainty, lost.stage, 0.0)
    assert tones(play.beat(incidents=(entry,))) == [Tone.WARN]


def test_armed_is_good_and_anything_less_is_not() -> None:
    play = Play()
    play.beat()
    assert [(n.tone, n.text) for n in play.beat()] == [(Tone.CALM, "contact: armed")]
    assert tones(play.beat(armed=False)) == [Tone.RING]
    assert [(n.tone, n.text) for n in play.beat()] == [(Tone.CALM, "armed")]
    other = Play()
    other.beat(armed=False)
    assert [(n.tone, n.text) for n in other.beat(armed=False)] == [(Tone.NOTE, "contact: DISARMED")]


def test_a_fault_that_ends_is_not_repeated_as_if_it_were_so() -> None:
    play = Play()
    play.seen()
    at = (AlertKind.LINK, Priority.MEDIUM, Certainty.CONFIRMED)
    for sequence, stage, words in (
        (1, Stage.ACTIVE, "connection fault: refused"),
        (2, Stage.RECOVERED, "connection fault over"),
    ):
        alert = Alert("9", sequence, *at, stage, play.time_s, reason="refused")
        message = messages.alert_message(alert, play.boot, play.moment)
        assert [notice.text for notice in play.hear(message)] == [words]


def test_an_incident_is_one_alert_that_evolves() -> None:
    play = Play()
    play.seen()
    told = [
        tones(play.hear(play.stage(stage)))
        for stage in (SUSPECTED, CONFIRMED, CONFIRMED_ACKNOWLEDGED, CLEARED)
    ]
    assert told == [[Tone.RING], [Tone.RING], [Tone.CALM], [Tone.CALM]]
    assert list(play.view.incidents) == ["aaaa-1"]
    assert play.view.open == []


def test_a_high_alert_without_an_answer_rings_again_an_answered_one_does_not() -> None:
    play = Play()
    play.seen()
    message = play.stage(CONFIRMED)
    play.hear(message)
    entry = Incident(
        message.id, message.sequence, message.kind, message.priority, message.certainty, message.stage, 0.0
    )
    told = []
    for _ in range(6):
        told += play.wait(1.0) + play.beat(incidents=(entry,))
    assert tones(told) == [Tone.RING]
    play.hear(play.stage(CONFIRMED_ACKNOWLEDGED))
    assert play.wait(2.0) == []


def test_low_priority_does_not_ring() -> None:
    play = Play()
    play.seen()
    assert tones(play.hear(play.stage(SUSPECTED, priority=Priority.LOW))) == [Tone.NOTE]


def test_an_expired_alert_is_shown_but_does_not_sound() -> None:
    play = Play()
    message = play.stage(CONFIRMED, priority=Priority.MEDIUM)
    play.time_s += messages.LIFETIME_S[Priority.MEDIUM] + 1
    play.seen()
    notices = play.hear(message)
    assert tones(notices) == [Tone.NOTE]
    assert "LATE" in notices[0].text
    assert play.view.expired == 1


def test_a_late_alert_still_sounds_and_shows_its_age() -> None:
    play = Play()
    message = play.stage(CONFIRMED)
    play.time_s += 42
    play.seen()
    (notice,) = play.hear(message)
    assert notice.tone is Tone.RING
    assert "LATE: 42 s ago" in notice.text


def test_an_alert_whose_age_nobody_knows_sounds_and_says_so() -> None:
    play = Play()
    (notice,) = play.hear(msgspec.structs.replace(play.stage(CONFIRMED), age_known=False))
    assert notice.tone is Tone.RING
    assert notice.text.endswith("LATE: age unknown")


@pytest.mark.parametrize("waited_s", [8.0, 7200.0])
def test_an_alert_that_waited_for_us_at_the_broker_is_not_shown_as_news(waited_s: float) -> None:
    """We are new to its run: its clock is not known before its heartbeat."""
    play = Play()
    message = play.stage(CONFIRMED)
    play.time_s += waited_s
    (notice,) = play.hear(message)
    assert (notice.tone, notice.text) == (Tone.RING, "FALL confirmed, LATE: age unknown")
    (incident,) = play.view.open
    entry = Incident(
        message.id, 1, message.kind, message.priority, message.certainty, message.stage, age_s=waited_s
    )
    play.beat()
    assert play.beat(incidents=(entry,))[1:] == []
    assert play.view.open == [replace(incident, event_s=play.time_s - waited_s, age_known=True)]


def test_a_fresh_alert_of_a_run_whose_heartbeat_has_not_come_yet_is_news() -> None:
    play = Play()
    message = play.stage(CONFIRMED)
    play.time_s += 0.5
    assert play.hear(message)[0].text == "FALL confirmed"


@pytest.mark.parametrize("skew_s", [-86_400.0, 0.0, 86_400.0])
def test_clocks_that_disagree_neither_age_nor_freshen_an_alert(skew_s: float) -> None:
    play = Play(skew_s=skew_s)
    play.seen()
    message = play.stage(CONFIRMED)
    play.wait(7.0)  # it lay at the broker
    play.beat()
    (notice,) = play.hear(message)
    assert notice.tone is Tone.RING
    assert notice.age_s == pytest.approx(7.0, abs=0.1)


def test_what_has_not_arrived_is_asked_for_a_few_times() -> None:
    play = Play()
    play.seen()
    assert not play.view.asks()
    first, _lost = play.stage(SUSPECTED), play.stage(CONFIRMED)
    play.hear(first)
    asked = 0
    for _ in range(6):
        play.beat()
        asked += play.view.asks() == 2
    assert asked == 3


def test_what_was_before_our_time_is_not_asked_for() -> None:
    play = Play()
    play.stage(CONFIRMED)
    play.seen()
    assert not play.view.asks()


def test_a_stage_that_was_overtaken_does_not_turn_the_incident_back() -> None:
    play = Play()
    play.seen()
    suspected, cleared = play.stage(SUSPECTED), play.stage(CLEARED)
    play.hear(cleared)
    assert play.hear(suspected) == []
    assert play.view.open == []


def test_what_ended_without_a_report_is_ended_by_the_heartbeat() -> None:
    play = Play()
    play.seen()
    play.hear(play.stage(CONFIRMED))
    play.stage(CLEARED)  # lost
    assert tones(play.beat(incidents=())) == [Tone.CALM]
    assert play.view.open == []


def test_an_incident_ended_by_the_heartbeat_is_still_shown_ended_however_many_did_before() -> None:
    play = Play()
    play.seen()
    for number in range(60):
        play.hear(play.stage(CONFIRMED, str(number)))
        play.hear(play.stage(CLEARED, str(number)))
    last = play.stage(CONFIRMED, "last")
    play.hear(last)
    play.beat(incidents=())
    assert play.view.incidents[last.id].stage is Stage.CLEARED


def test_an_alert_that_comes_after_its_heartbeat_is_not_shown_again_however_many_ended_since() -> None:
    play = Play()
    play.seen()
    late = [play.stage(SUSPECTED, f"{number}") for number in range(120)]
    for report in late:  # the broker passes on heartbeats, and keeps the alerts to itself
        entry = Incident(
            report.id, report.sequence, report.kind, report.priority, report.certainty, report.stage, 0.0
        )
        assert play.beat(incidents=(entry,))
    play.beat()
    assert play.view.open == []
    for report in late:
        assert play.hear(report) == [], report.id


def test_a_late_subscriber_learns_from_the_heartbeat_what_is_open() -> None:
    play = Play()
    message = play.stage(CONFIRMED)
    entry = Incident(
        message.id, message.sequence, message.kind, message.priority, message.certainty, message.stage, 9.0
    )
    play.beat(incidents=(entry,))
    assert Tone.RING in tones(play.beat(incidents=(entry,)))
    assert play.hear(message) == []  # and is not told twice


def begun_anew(priority: Priority = Priority.HIGH) -> tuple[Play, str]:
    """A device that restarts while an alert waits, and the alert's story."""
    play = Play()
    play.seen()
    message = play.stage(CONFIRMED, priority=priority)
    play.hear(message)
    play.boot, play.beat_number, play.sent = "bbbb", 0, 0
    (notice, *_) = play.beat()
    assert notice.tone is Tone.RING
    assert "check on the walker" in notice.text
    return play, message.id


def beats(play: Play, seconds: int) -> list[Notice]:
    return [notice for _ in range(seconds) for notice in play.wait(1.0) + play.beat()]


def test_a_fall_nobody_answered_outlives_its_device_s_restart_until_somebody_here_does() -> None:
    play, story = begun_anew()
    assert tones(beats(play, 11)) == [Tone.RING, Tone.RING]
    assert [open_.id for open_ in play.view.open] == [story]
    assert play.view.settle(story)
    assert not play.view.settle(story)
    assert beats(play, 11) == []
    assert play.view.open == []


def test_or_until_the_device_is_disarmed_or_an_hour_has_gone() -> None:
    play, _ = begun_anew()
    assert tones(play.beat(armed=False)) == [Tone.RING, Tone.CALM]
    assert play.view.open == []
    play, _ = begun_anew()
    assert tones(play.beat(armed=False, waits_for=("taken off",))) == [Tone.WARN]  # by whom, nobody knows
    assert len(play.view.open) == 1
    play.time_s += messages.LIFETIME_S[Priority.HIGH] + 1
    assert tones(play.beat()) == [Tone.CALM, Tone.CALM]
    assert play.view.open == []


def test_an_incident_that_its_device_remembers_over_a_restart_goes_on() -> None:
    play = Play()
    play.seen()
    message = play.stage(CONFIRMED)
    play.hear(message)
    play.boot, play.beat_number, play.first = "bbbb", 0, 1
    again = msgspec.structs.replace(message, boot="bbbb", sequence=2)
    play.sent = 2
    entry = Incident(
        message.id, 2, message.kind, message.priority, message.certainty, message.stage, age_s=0.5
    )
    assert tones(play.beat(incidents=(entry,))) == [
        Tone.RING
    ]  # the incident; the device's restart is no news
    assert play.hear(again) == []
    assert [(one.id, one.boot, one.sequence) for one in play.view.open] == [("aaaa-1", "bbbb", 2)]
    assert not play.view.settle("aaaa-1")  # an answer goes to the device
    assert not play.view.asks()


def test_what_ended_at_its_device_while_we_were_away_over_a_restart_is_over() -> None:
    play = Play()
    play.seen()
    play.hear(play.stage(CONFIRMED))
    play.boot, play.beat_number, play.first, play.sent = "bbbb", 0, 4, 4
    assert [(notice.tone, notice.text) for notice in play.beat()] == [(Tone.CALM, "FALL confirmed over")]
    assert play.view.open == []
    assert play.view.asks()  # for what the run before said last
    play.boot = "aaaa"
    for sequence in (2, 3, 4):
        play.hear(play.stage(CLEARED, sequence=sequence))
    assert not play.view.asks()


def test_a_device_that_has_lost_its_memory_is_not_asked_for_what_it_cannot_know() -> None:
    play = Play()
    play.seen()
    play.hear(play.stage(CONFIRMED))
    play.sent = 9
    assert play.view.asks() or play.beat() or play.view.asks()
    play.boot, play.beat_number, play.first, play.sent = "bbbb", 0, 0, 0
    play.beat()
    assert not play.view.asks()


def test_what_is_missing_is_still_asked_for_when_a_run_did_not_live_to_write_its_last_reports() -> None:
    play = Play()
    play.seen()
    for sequence in (1, 2, 3, 5):
        play.hear(play.stage(CONFIRMED, str(sequence), sequence=sequence))
    play.boot, play.beat_number, play.first, play.sent = "bbbb", 0, 4, 4
    play.beat()
    assert play.view.asks()  # for the fourth
    play.boot = "aaaa"
    play.hear(play.stage(CONFIRMED, "4", sequence=4))
    play.boot, play.sent = "bbbb", 5
    play.beat()
    assert play.view.asks()  # for the fifth, which is another now
    play.hear(play.stage(CONFIRMED, "5", sequence=5))
    play.sent = 5
    play.beat()
    assert not play.view.asks()


def test_what_is_urgent_is_receipted_until_the_device_knows_it() -> None:
    play = Play()
    play.seen()
    play.hear(play.stage(CONFIRMED, "low", Priority.MEDIUM))
    assert play.view.unreceipted("Eva") == []
    message = play.stage(CONFIRMED)
    play.hear(message)
    (incident,) = play.view.unreceipted("Eva")
    assert (incident.id, incident.sequence) == (message.id, 2)
    entry = Incident(message.id, 2, message.kind, message.priority, message.certainty, message.stage, 0.0)
    play.beat(incidents=(entry,))
    assert play.view.unreceipted("Eva") == [incident]
    play.beat(incidents=(msgspec.structs.replace(entry, received_by=("Tom", "Eva")),))
    assert play.view.unreceipted("Eva") == []
    play.hear(play.stage(CONFIRMED_ACKNOWLEDGED))
    assert play.view.unreceipted("Max") == []


def test_what_is_sent_again_is_shown_once() -> None:
    play = Play()
    play.seen()
    message = play.stage(CONFIRMED)
    for _ in range(2):
        play.view.update(TOPICS.again, messages.encode(message), False, play.moment)
    assert play.hear(message) == []
    assert len(play.view.open) == 1


def test_a_lesser_alert_ends_with_its_device_s_run() -> None:
    play, story = begun_anew(Priority.MEDIUM)
    assert play.view.open == []
    assert not play.view.settle(story)


def test_a_heartbeat_that_claims_endless_alerts_costs_no_time() -> None:
    play = Play()
    play.seen()
    play.sent = 2**53 - 1
    play.beat()
    assert play.view.asks()


def test_what_others_say_cannot_move_the_cursor() -> None:
    play = Play()
    play.seen()
    message = msgspec.structs.replace(play.stage(CONFIRMED), reason="\x1b[2J", who="\x07Eva\u202e")
    (notice,) = play.hear(message)
    assert notice.text.isprintable()
    state = State("aaaa", 9, 0.0, 0.0, 0.0, False, False, (), ("\x1b]0;x\x07",), ("\x1b[2J",))
    for told in play.view.update(TOPICS.state, messages.encode(state), False, play.moment):
        assert told.text.isprintable()


def test_disarming_announces_itself() -> None:
    play = Play()
    play.seen()
    (notice,) = play.beat(armed=False)
    assert notice.tone is Tone.RING
    assert "DISARMED" in notice.text


def test_taken_off_while_armed_shows_in_red() -> None:
    play = Play()
    play.seen()
    (notice,) = play.beat(armed=False, waits_for=("taken off: put it on",))
    assert (notice.tone, notice.text) == (Tone.WARN, "NOT YET ARMED: taken off: put it on")
    (notice,) = play.beat(armed=False, waits_for=("stand still",))
    assert notice.tone is Tone.NOTE


def test_a_retained_alert_is_never_sounded() -> None:
    play = Play()
    play.seen()
    assert play.hear(play.stage(CONFIRMED), retained=True) == []


@given(st.lists(st.sampled_from(range(6)), max_size=30))
def test_in_any_order_and_repetition_each_stage_is_reported_at_most_once(order: list[int]) -> None:
    play = Play()
    play.seen()
    stages = [play.stage(stage, alert_id) for alert_id in "12" for stage in (SUSPECTED, CONFIRMED, CLEARED)]
    told = [notice for place in order for notice in play.hear(stages[place])]
    assert len(told) <= len(set(order))
    for alert_id, last in (("1", 2), ("2", 5)):
        if last in order:
            assert play.view.incidents[f"aaaa-{alert_id}"].stage is Stage.CLEARED


@given(st.binary(max_size=100), st.sampled_from(["state", "alert", "availability", "other"]))
def test_garbage_is_ignored(payload: bytes, topic: str) -> None:
    play = Play()
    play.seen()
    if not (topic == "availability" and payload in (messages.OFFLINE, messages.SWITCHED_OFF)):
        assert play.view.update(f"rearguard/walker/{topic}", payload, False, play.moment) == []
    assert play.view.no_contact == ""
