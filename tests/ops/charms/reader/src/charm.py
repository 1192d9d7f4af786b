#!/usr/bin/env python3
"""Writes in the related guest book, once for each token that it learns."""

import json
import time
import urllib.request

import ops


class Reader(ops.CharmBase):
    _stored = ops.StoredState()

    def __init__(self, framework):
        super().__init__(framework)
        self._stored.set_default(wrote=0, token="")
        observe = framework.observe
        observe(self.on["book"].relation_changed, self._on_book)
        observe(self.on["book"].relation_broken, self._on_gone)
        observe(self.on.secret_changed, self._on_secret_changed)
        observe(self.on.collect_unit_status, self._on_collect_status)

    def _on_book(self, event):
        if event.unit is None:
            return
        there = event.relation.data[event.unit]
        id = event.relation.data[event.app].get("token-id")
        if id and "port" in there:
            secret = self.model.get_secret(id=id, label="book-token")
            self._write(there["hostname"], there["port"], secret.get_content()["token"])

    def _on_secret_changed(self, event):
        assert event.secret.label == "book-token", event.secret.label
        token = event.secret.get_content(refresh=True)["token"]
        relation = self.model.get_relation("book")
        for unit in relation.units:
            there = relation.data[unit]
            self._write(there["hostname"], there["port"], token)

    def _write(self, host, port, token):
        if token == self._stored.token:
            return
        request = urllib.request.Request(
            f"http://{host}:{port}/entries",
            data=json.dumps({"name": self.unit.name, "text": f"no. {self._stored.wrote}"}).encode(),
            headers={"X-Token": token},
        )
        for attempt in range(30):
            try:
                urllib.request.urlopen(request, timeout=10).read()
                break
            except OSError:
                # The book learns a new token no earlier than we do, and starts
                # anew with it: a connection may be refused, or reset.
                if attempt == 29:
                    raise
                time.sleep(0.5)
        self._stored.token = token
        self._stored.wrote += 1

    def _on_gone(self, _):
        self._stored.token = ""

    def _on_collect_status(self, event):
        if self.model.get_relation("book") is None:
            event.add_status(ops.BlockedStatus("no book is related"))
        event.add_status(ops.ActiveStatus(f"wrote {self._stored.wrote}"))


if __name__ == "__main__":
    ops.main(Reader, use_juju_for_storage=True)
