"""Shows a walker's alerts; an incident's id and Enter say "I'm coming" to it.

    python3 -m pip install paho-mqtt
    REARGUARD='mqtts://eva:PASSWORD@raspberrypi.local:8883/?device=walker' CA=ca.crt python3 alerts.py

The address is what `rearguard pair eva` prints; on the Pi itself it may be mqtt://eva:PASSWORD@localhost:1883/...
"""

import json
import os
import sys
from urllib.parse import parse_qs, urlsplit

import paho.mqtt.client as mqtt

at = urlsplit(os.environ["REARGUARD"])
root = f"rearguard/{parse_qs(at.query)['device'][0]}"
seen = set()


def subscribe(client, *_):
    client.subscribe([(f"{root}/alert", 1), (f"{root}/again", 1)])


def show(_client, _data, message):
    alert = json.loads(message.payload)
    report = (alert["boot"], alert["sequence"])
    if not message.retain and report not in seen:  # what is retained is old
        seen.add(report)
        print(*(alert[name] for name in ("id", "kind", "certainty", "stage", "reason", "who")), flush=True)


client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
client.on_connect, client.on_message = subscribe, show
client.username_pw_set(at.username, at.password)
if at.scheme == "mqtts":
    client.tls_set(os.environ.get("CA"))
client.connect(at.hostname, at.port)
client.loop_start()
for line in sys.stdin:
    answer = {"id": line.strip(), "act": "coming"}
    client.publish(f"{root}/answer/{at.username}", json.dumps(answer), qos=1)
client.disconnect()
