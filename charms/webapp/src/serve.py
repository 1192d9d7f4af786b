#!/usr/bin/env python3
"""Answers every GET with the greeting and the unit's name."""

import pathlib
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

port, unit, greeting = int(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3]).read_text()


class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"{greeting} from {unit}\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("", port), Page).serve_forever()
