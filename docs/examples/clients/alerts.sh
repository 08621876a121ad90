#!/bin/sh
# Shows a walker's alerts; an incident's id and Enter say "I'm coming" to it:  sh alerts.sh eva [walker]
# Needs mosquitto-clients and jq. Broker, account and password stand in ~/.config/mosquitto_sub and mosquitto_pub.
root=rearguard/${2:-walker}
mosquitto_sub -q 1 -R -t "$root/alert" -t "$root/again" | jq --unbuffered -nr '
  foreach inputs as $alert ({}; # each report once
    {report: "\($alert.boot) \($alert.sequence)", seen: (.seen + {(.report // ""): true})};
    select(.seen[.report] | not) | $alert | "\(.id) \(.kind) \(.certainty) \(.stage) \(.reason) \(.who)")' &
while read -r id; do
  jq -nc --arg id "$id" '{id: $id, act: "coming"}' | mosquitto_pub -q 1 -l -t "$root/answer/$1" || echo "not sent" >&2
done
wait
