"""Posts one update to the gateway and checks that the metric of some pod grows."""

import http.client
import json
import os
import re
import socket
import sys
import time
from urllib.parse import urlsplit

HANDLED = re.compile(r'^bot_gateway_webhook_requests_total\{outcome="handled"\} ([0-9.e+]+)', re.MULTILINE)
CONNECT_SECONDS = 30


def connect(host: str, port: int) -> http.client.HTTPConnection:
    """A connection to the gateway; NetworkPolicies may take some seconds to apply to this new pod."""
    for attempt in range(CONNECT_SECONDS):
        connection = http.client.HTTPConnection(host, port, timeout=30)
        try:
            connection.connect()
        except OSError as error:
            print(f"attempt {attempt + 1}: {error}")
            time.sleep(1)
        else:
            return connection
    sys.exit(f"cannot reach {host}:{port}")


def handled_updates(host: str, port: int) -> float:
    """Updates that all pods have handled. Dead letters also get the response 200 but have another outcome."""
    total = 0.0
    # The name is that of a headless Service: it has the address of each pod.
    for address in sorted({str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}):
        connection = connect(address, port)
        connection.request("GET", "/metrics")
        response = connection.getresponse()
        text = response.read().decode()
        if response.status != 200:
            sys.exit(f"GET /metrics: {response.status}")
        total += sum(float(value) for value in HANDLED.findall(text))
        connection.close()
    return total


def post_update(connection: http.client.HTTPConnection, update_id: int) -> None:
    """Post the update of HELM_TEST_UPDATE."""
    update = {"update_id": update_id, **json.loads(os.environ["HELM_TEST_UPDATE"])}
    headers = {
        "Content-Type": "application/json",
        "X-Telegram-Bot-Api-Secret-Token": os.environ["WEBHOOK_SECRET"],
    }
    connection.request("POST", "/webhook", json.dumps(update), headers)
    response = connection.getresponse()
    response.read()
    if response.status != 200:
        sys.exit(f"POST /webhook: {response.status}")


def main() -> None:
    """Exit with 0 if the metric grew."""
    webhook, internal = urlsplit(os.environ["GATEWAY_URL"]), urlsplit(os.environ["INTERNAL_URL"])
    before = handled_updates(internal.hostname or "", internal.port or 80)
    # The id is far from Telegram's own and differs each time: a second post of the same id would be a duplicate.
    post_update(connect(webhook.hostname or "", webhook.port or 80), int(time.time()))
    after = handled_updates(internal.hostname or "", internal.port or 80)
    if after <= before:
        sys.exit(f"handled updates stayed at {after:g}")
    print(f"handled updates went from {before:g} to {after:g}")


if __name__ == "__main__":
    main()
