"""A webhook receiver in Python, standard library only. SIGNING_SECRET and PORT come from the environment."""

import hashlib
import hmac
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def expected(secret: str, timestamp: str, body: bytes) -> str:
    message = timestamp.encode() + b"." + body
    return "sha256=" + hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def is_genuine(secret: str, timestamp: str, signature: str, body: bytes) -> bool:
    if not (timestamp.isascii() and timestamp.isdigit()) or abs(time.time() - int(timestamp)) > 300:
        return False
    return hmac.compare_digest(expected(secret, timestamp, body).encode(), signature.encode())


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))  # the raw bytes, before any parsing
        timestamp = self.headers.get("X-Wlcro-Timestamp", "")
        signature = self.headers.get("X-Wlcro-Signature", "")
        genuine = is_genuine(os.environ["SIGNING_SECRET"], timestamp, signature, body)
        self.send_response(200 if genuine else 401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    if sys.argv[1:] == ["vector"]:
        vector = "sha256=25b2c4e04256107ce5aa02a8567dd81362807fa1f0d80a9250084846bd2d40b3"
        sys.exit(expected("whsec_test_secret_0123456789", "1700000000", b'{"id":1}') != vector)
    ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Receiver).serve_forever()
