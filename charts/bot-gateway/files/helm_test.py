"""Posts one update to the gateway and checks that its metric grows, over one connection and therefore in one pod."""

import http.client
import json
import os
import re
import sys
import time
from urllib.parse import urlsplit

HANDLED = re.compile(r'^bot_gateway_webhook_requests_total\{outcome="handled"\} ([0-9.e+]+)', re.MULTILINE)
CONNECT_SECONDS = 30
TRIES = 10


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


def handled_updates(connection: http.client.HTTPConnection) -> float:
    """Updates that the pod has handled. Dead letters also get the response 200 but have another outcome."""
    connection.request("GET", "/metrics")
    response = connection.getresponse()
    text = response.read().decode()
    if response.status != 200:
        sys.exit(f"GET /metrics: {response.status}")
    return sum(float(value) for value in HANDLED.findall(text))


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
    address = urlsplit(os.environ["GATEWAY_URL"])
    now = int(time.time())
    for attempt in range(TRIES):
        connection = connect(address.hostname or "", address.port or 80)
        before = handled_updates(connection)
        # The id is far from Telegram's own and differs each time: a second post of the same id would be a duplicate.
        post_update(connection, now + attempt)
        if connection.sock is None:
            # The gateway closes one connection per second, so that new replicas get traffic.
            # A new connection may reach another pod, so start again.
            continue
        after = handled_updates(connection)
        if after <= before:
            sys.exit(f"handled updates stayed at {after:g}")
        print(f"handled updates went from {before:g} to {after:g}")
        return
    sys.exit(f"the gateway closed each of {TRIES} connections after the update")


if __name__ == "__main__":
    main()
