"""Receives webhooks and checks their signatures with the Standard Webhooks library for Python.

webhook_listener.py PORT SECRET
"""

import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

port, webhook = int(sys.argv[1]), Webhook(sys.argv[2])


class Listener(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        try:
            event = webhook.verify(body, dict((k.lower(), v) for k, v in self.headers.items()))
        except WebhookVerificationError as refusal:
            self.send_response(400)
            print("refused:", refusal, flush=True)
        else:
            self.send_response(204)
            print("verified:", event["type"], event["subject"], flush=True)
        self.end_headers()

    def log_message(self, *_):
        pass


HTTPServer(("127.0.0.1", port), Listener).serve_forever()
