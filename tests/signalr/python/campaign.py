"""What signalrcore is told of a campaign, from its snapshot to its end, and then once more after a sequence."""

import queue
import sys

from signalrcore.types import HttpTransportType, HubProtocolEncoding

from client import Client, exit_after

EVENTS = ("ReceiveOrchestrationEvent", "ReceiveArtifactUpdate")
SNAPSHOT = "ReceiveCampaignSnapshot"
ACKNOWLEDGEMENT = "ReceiveCancellationAcknowledgement"

# Where the campaign stands when it is subscribed to, and where it ends.
HEAD, LAST = 100, 153

PATIENCE = 30


def listen(client):
    heard = queue.Queue()
    for callback in (*EVENTS, SNAPSHOT, ACKNOWLEDGEMENT):
        client.hub.on(callback, lambda arguments, callback=callback: heard.put((callback, arguments[0])))
    return heard


def prove(heard, first, campaign):
    """Every sequence from `first` to the last, once and in order, and one acknowledgement."""
    due, acknowledged = first, []
    while due <= LAST:
        callback, said = heard.get(timeout=PATIENCE)
        if callback == ACKNOWLEDGEMENT:
            acknowledged.append(said)
            continue
        assert callback in EVENTS, (callback, said)
        assert said.get("coalescedFrom", said["sequence"]) == due, f"{said} came when {due} was due"
        due = said["sequence"] + 1
    assert acknowledged == [f"{campaign}-writer"], acknowledged


def main():
    url, campaign = sys.argv[1:3]
    way = HttpTransportType[sys.argv[3]], HubProtocolEncoding[sys.argv[4]]
    with Client(url, *way) as client:
        heard = listen(client)
        client.invoke("SubscribeToCampaign", campaign)
        callback, snapshot = heard.get(timeout=PATIENCE)
        assert (callback, snapshot["lastEventSequence"]) == (SNAPSHOT, HEAD), (callback, snapshot)
        client.invoke("CancelRun", f"{campaign}-writer", "changed my mind")
        prove(heard, HEAD + 1, campaign)
    with Client(url, *way) as client:
        heard = listen(client)
        client.invoke("SubscribeToCampaign", campaign, 50)
        prove(heard, 51, campaign)


exit_after(main)
