"""Simulates Slack and notification-service in a cluster: prints each notification as one line of JSON."""

import http.server
import json
import time
from typing import Any


def summary(path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Path, channel or group, status, alerts and time of arrival of a notification."""
    arrived: dict[str, Any] = {"at": time.time(), "path": path}
    if "alerts" in body:
        alerts = [[alert["labels"]["alertname"], alert["status"]] for alert in body["alerts"]]
        return {**arrived, "status": body["status"], "alerts": alerts}
    (attachment,) = body["attachments"]
    return {**arrived, "channel": body["channel"], "title": attachment["title"], "text": attachment["text"]}


class Handler(http.server.BaseHTTPRequestHandler):
    """Accepts every POST."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        print(json.dumps(summary(self.path, body)), flush=True)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        """Keep the output to the notifications."""


if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()
