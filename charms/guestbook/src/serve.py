#!/usr/bin/env python3
"""The guest book's server: `serve.py SETTINGS`, a JSON file.

`GET /` is the page, `GET /entries` its entries as JSON. `POST /entries` with
the book's token in `X-Token` adds one; `DELETE /entries` with the editor's
password in `X-Password` removes all.
"""

import hmac
import html
import json
import pathlib
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import book

SETTINGS = json.loads(pathlib.Path(sys.argv[1]).read_text())
BOOK = book.Book(SETTINGS["directory"])
# Longer entries are nobody's.
MOST = 64 * 1024
WRITING = threading.Lock()


class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/entries":
            return self.answer(200, json.dumps(BOOK.entries()), "application/json")
        if self.path != "/":
            return self.answer(404, "not found\n")
        entries = "".join(
            f"<li><b>{html.escape(entry['name'])}</b> {html.escape(entry['text'])}</li>\n"
            for entry in BOOK.entries()
        )
        title = html.escape(SETTINGS["title"])
        style = SETTINGS["style"].replace("</", "<\\/")
        text = (
            f"<!doctype html><title>{title}</title><style>{style}</style>\n"
            f"<h1>{title}</h1>\n<ul>\n{entries}</ul>\n<footer>{SETTINGS['unit']}</footer>\n"
        )
        self.answer(200, text, "text/html; charset=utf-8")

    def do_POST(self):
        if not self.may("X-Token", SETTINGS["token"]):
            return
        length = int(self.headers.get("Content-Length") or 0)
        if length > MOST:
            return self.answer(413, "the entry is too long\n")
        try:
            entry = json.loads(self.rfile.read(length))
            name, text = str(entry["name"]), str(entry["text"])
        except (ValueError, KeyError, TypeError):
            return self.answer(400, 'expected {"name": ..., "text": ...}\n')
        with WRITING:
            BOOK.add(name, text)
        self.answer(201, "written\n")

    def do_DELETE(self):
        if not self.may("X-Password", SETTINGS["password"]):
            return
        with WRITING:
            BOOK.clear()
        self.answer(200, "the book is empty\n")

    def may(self, header, expected):
        given = self.headers.get(header, "")
        if expected and hmac.compare_digest(given.encode(), expected.encode()):
            return True
        self.answer(403, f"{header} is missing or wrong\n")
        return False

    def answer(self, status, text, kind="text/plain; charset=utf-8"):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("", SETTINGS["port"]), Page).serve_forever()
