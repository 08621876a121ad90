"""What an account may do at a broker, by trying: does a message get from one to another?"""

import gc
import re
import threading

from monitor.delivery.messages import Topics
from monitor.delivery.mqtt import Client, Letter, MqttSettings, What
from tests.pulse import wait_until


def carried(sender: MqttSettings, receiver: MqttSettings, topic: str, asked: str = "") -> bool:
    """Does a message on ``topic`` get from one account to the other, who has ``asked`` for it, or for more?

    Nothing is waited for in vain: a broker answers each client in order, so what it lets through has come
    when it acknowledges the next message of the receiver.
    """
    ear, mouth = Client(receiver, "ear", {asked or topic: 1}), Client(sender, "mouth")
    try:
        for client in (ear, mouth):
            if until(client, What.UP, What.DOWN).what is What.DOWN:
                return False
        ear.publish(own(receiver), b"am I subscribed?")
        if until(ear, What.ACKED, What.DOWN).what is What.DOWN:  # the subscription is refused
            return False
        mouth.publish(topic, b"hello")
        if until(mouth, What.ACKED, What.DOWN).what is What.DOWN:  # some brokers close the connection
            return False
        ear.publish(own(receiver), b"was there anything?")
        return until(ear, What.RECEIVED, What.ACKED).what is What.RECEIVED
    finally:
        ear.close()
        mouth.close()


def own(settings: MqttSettings) -> str:
    """What the account may write, whatever else it may not."""
    topics = Topics(settings.device)
    return topics.check if settings.username == settings.device else topics.request


def until(client: Client, *kinds: What) -> Letter:
    """The next letter of these kinds."""
    found: list[Letter] = []

    def came() -> bool:
        letter = client.next(0.1)
        found.extend([letter] if letter is not None and letter.what in kinds else [])
        return bool(found)

    wait_until(came)
    return found[0]


def refused(settings: MqttSettings, words: str) -> None:
    """Wait for a refusal in these words: a busy broker may first give no answer at all."""
    client = Client(settings, "refused")
    try:
        wait_until(lambda: re.search(words, until(client, What.DOWN).reason))
    finally:
        client.close()
        wait_until(lambda: not any("refused" in thread.name for thread in threading.enumerate()))
        gc.collect()  # the socket of a failed handshake, which paho leaves open
