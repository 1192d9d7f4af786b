#!/usr/bin/env python3
"""A guest book on the web."""

import logging
import secrets

import ops

import server
from book import Book

logger = logging.getLogger(__name__)

VERSION = "1.0"
PEERS = "members"
TOKEN = "token"


class Guestbook(ops.CharmBase):
    """Serves the book, and hands its token to who is related."""

    _stored = ops.StoredState()

    def __init__(self, framework):
        super().__init__(framework)
        self._stored.set_default(exports=0)
        on, observe = self.on, framework.observe
        for event in (
            on.config_changed,
            on.start,
            on.upgrade_charm,
            on.update_status,
            on.leader_elected,
            on[PEERS].relation_changed,
            on.secret_changed,
        ):
            observe(event, self._on_reconcile)
        observe(on.install, self._on_install)
        observe(on.stop, self._on_stop)
        observe(on.secret_rotate, self._on_secret_rotate)
        observe(on.secret_remove, self._on_secret_remove)
        observe(on.pages_storage_attached, self._on_pages_attached)
        observe(on["website"].relation_joined, self._on_website_joined)
        observe(on["book"].relation_joined, self._on_book_joined)
        observe(on["book"].relation_broken, self._on_book_broken)
        observe(on.add_entry_action, self._on_add_entry)
        observe(on.export_action, self._on_export)
        observe(on.new_token_action, self._on_new_token)
        observe(on.collect_unit_status, self._on_collect_status)

    # What there is.

    @property
    def _peers(self):
        return self.model.get_relation(PEERS)

    @property
    def _port(self):
        return int(self.config["port"])

    @property
    def _book(self):
        return Book(self.model.storages["pages"][0].location)

    def _token(self):
        """The token's secret, once the leader has made it."""
        id = self._peers and self._peers.data[self.app].get("token-id")
        return self.model.get_secret(id=id) if id else None

    def _password(self):
        """The editor's password: none where there is none or no grant."""
        editor = self.config.get("editor")
        if not editor:
            return ""
        return self.model.get_secret(id=editor).get_content(refresh=True)["password"]

    def _style(self):
        try:
            return self.model.resources.fetch("style").read_text()
        except (ops.ModelError, NameError):
            return ""

    # What is done about it.

    def _on_install(self, _):
        self.unit.status = ops.MaintenanceStatus("preparing the book")
        self.unit.set_workload_version(VERSION)

    def _on_pages_attached(self, event):
        logger.info("the book is in %s", event.storage.location)

    def _on_reconcile(self, _):
        if self.unit.is_leader():
            self._make_token()
        token = self._token()
        if token is None:
            return
        try:
            password = self._password()
        except (ops.SecretNotFoundError, ops.ModelError, KeyError):
            # Said in the status; nobody may edit meanwhile.
            password = ""
        server.configure(
            {
                "directory": str(self.model.storages["pages"][0].location),
                "password": password,
                "port": self._port,
                "style": self._style(),
                "title": self.config["title"],
                "token": token.get_content(refresh=True)[TOKEN],
                "unit": self.unit.name,
            }
        )
        self.unit.set_ports(self._port)
        for name in ("website", "book"):
            for relation in self.model.relations[name]:
                self._tell(relation)

    def _make_token(self):
        data = self._peers.data[self.app]
        if "token-id" not in data:
            secret = self.app.add_secret(
                {TOKEN: secrets.token_hex(16)},
                label=TOKEN,
                description="who has it writes in the book",
                rotate=ops.SecretRotate.MONTHLY,
            )
            data["token-id"] = secret.id

    def _tell(self, relation):
        address = str(self.model.get_binding(relation).network.ingress_address)
        relation.data[self.unit].update({"hostname": address, "port": str(self._port)})

    def _on_website_joined(self, event):
        self._tell(event.relation)

    def _on_book_joined(self, event):
        self._tell(event.relation)
        token = self._token()
        if self.unit.is_leader() and token is not None:
            self.model.get_secret(label=TOKEN).grant(event.relation)
            event.relation.data[self.app]["token-id"] = token.id

    def _on_book_broken(self, event):
        if self.unit.is_leader():
            self.model.get_secret(label=TOKEN).revoke(event.relation)

    def _on_secret_rotate(self, event):
        if event.secret.label == TOKEN:
            self._change_token(event.secret)

    def _change_token(self, secret):
        secret.set_content({TOKEN: secrets.token_hex(16)})
        self._on_reconcile(None)

    def _on_secret_remove(self, event):
        # Nobody reads this revision any more.
        event.secret.remove_revision(event.revision)

    def _on_stop(self, _):
        server.stop()

    # Actions.

    def _on_add_entry(self, event):
        event.log(f"writing for {event.params['name']}")
        self._book.add(event.params["name"], event.params["text"])
        event.set_results({"entries": len(self._book.entries())})

    def _on_new_token(self, event):
        if self.unit.is_leader():
            self._change_token(self.model.get_secret(label=TOKEN))
        else:
            event.fail("the token is the leader's: run this on guestbook/leader")

    def _on_export(self, event):
        entries = self._book.entries()[-event.params["limit"] :]
        if not entries:
            event.fail("the book is empty")
            return
        self._stored.exports += 1
        event.set_results(
            {
                "exports": self._stored.exports,
                "entries": {f"n{n}": f"{e['name']}: {e['text']}" for n, e in enumerate(entries)},
            }
        )

    def _on_collect_status(self, event):
        if not self.model.storages["pages"]:
            event.add_status(ops.WaitingStatus("waiting for storage"))
            return
        try:
            self._password()
        except (ops.SecretNotFoundError, ops.ModelError):
            event.add_status(ops.BlockedStatus("grant the secret of the option editor"))
        except KeyError:
            event.add_status(ops.BlockedStatus("the editor's secret has no password"))
        if not server.running():
            event.add_status(ops.WaitingStatus("waiting for the leader's token"))
        event.add_status(ops.ActiveStatus(f"on port {self._port}"))


if __name__ == "__main__":
    ops.main(Guestbook, use_juju_for_storage=True)
