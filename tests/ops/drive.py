"""Charms written with ops, driven through jubilant.

    drive.py PROGRAM CHARMS

PROGRAM is the command line to be driven; CHARMS a directory with
guestbook.charm and reader.charm.
"""

import json
import pathlib
import shlex
import shutil
import sys
import tempfile
import time
import zipfile

import jubilant

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import steps

# It reads and writes in the book's own network.
FETCH = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).read().decode(), end='')"
EMPTY = (
    "import sys, urllib.request as u, urllib.error as e\n"
    "r = u.Request(sys.argv[1], method='DELETE', headers={'X-Password': sys.argv[2]})\n"
    "try: print(u.urlopen(r).status)\n"
    "except e.HTTPError as error: print(error.code)"
)

# What is no step.
HELP = ("wait", "says", "until", "python", "page", "entries", "revisions")


class Drive:
    """The steps, in their order."""

    def __init__(self, program: str, charms: pathlib.Path) -> None:
        self.juju = jubilant.Juju(cli_binary=program, wait_timeout=60)
        self.charms = charms.resolve()

    def wait(self, ready) -> jubilant.Status:
        return self.juju.wait(ready, error=jubilant.any_error, delay=0.3, successes=2)

    def says(self, app: str, message: str) -> jubilant.Status:
        def ready(status: jubilant.Status) -> bool:
            units = status.get_units(app).values()
            return jubilant.all_agents_idle(status) and all(
                unit.workload_status.message == message for unit in units
            )

        return self.wait(ready)

    def until(self, holds) -> None:
        """Waits; a server that restarts does not answer meanwhile."""
        deadline = time.monotonic() + 60
        while True:
            try:
                if holds():
                    return
            except jubilant.CLIError:
                pass
            assert time.monotonic() < deadline, "not so in time"
            time.sleep(0.3)

    def python(self, unit: str, code: str, *args: str) -> str:
        return self.juju.ssh(unit, "python3", "-c", shlex.quote(code), *args).strip()

    def page(self, unit: str) -> str:
        return self.python(unit, FETCH, "http://localhost:8080/")

    def entries(self, unit: str) -> list:
        return json.loads(self.python(unit, FETCH, "http://localhost:8080/entries"))

    def revisions(self, secret: str) -> list:
        shown = json.loads(
            self.juju.cli("show-secret", secret, "--revisions", "--format", "json")
        )
        return shown[secret]["revisions"]

    def deploy(self) -> None:
        self.juju.add_model("ops")
        with tempfile.TemporaryDirectory(dir="/tmp") as directory:
            style = pathlib.Path(directory) / "style.css"
            style.write_text("h1 { color: teal }")
            self.juju.deploy(
                self.charms / "guestbook.charm",
                resources={"style": str(style)},
                storage={"pages": "200M"},
                config={"title": "First"},
                num_units=2,
            )
        status = self.says("guestbook", "on port 8080")
        assert status.apps["guestbook"].version == "1.0", status.apps["guestbook"]
        assert status.get_units("guestbook")["guestbook/1"].open_ports == ["8080/tcp"], status
        for unit in ("guestbook/0", "guestbook/1"):
            text = self.page(unit)
            assert "<h1>First</h1>" in text and "color: teal" in text and unit in text, text

    def config(self) -> None:
        self.juju.config("guestbook", {"title": "Second"})
        self.until(lambda: "Second" in self.page("guestbook/1"))

    def actions(self) -> None:
        try:
            self.juju.run("guestbook/0", "export")
        except jubilant.TaskError as error:
            assert error.task.message == "the book is empty", error.task
        else:
            raise AssertionError("the book was not empty")
        task = self.juju.run("guestbook/0", "add-entry", {"name": "Ada", "text": "hello"})
        assert task.results == {"entries": "1"}, task
        assert any("writing for Ada" in line for line in task.log), task.log
        for count in ("1", "2"):
            task = self.juju.run("guestbook/0", "export", {"limit": 5})
            assert task.results["entries"] == {"n0": "Ada: hello"}, task
            assert str(task.results["exports"]) == count, task

    def relations_and_secrets(self) -> None:
        self.juju.deploy(self.charms / "reader.charm")
        self.says("reader", "no book is related")
        self.juju.integrate("reader", "guestbook")
        self.says("reader", "wrote 1")
        names = [entry["name"] for unit in (0, 1) for entry in self.entries(f"guestbook/{unit}")]
        assert names.count("reader/0") == 1, names
        shown = json.loads(self.juju.cli("secrets", "--format", "json"))
        ((secret_id, secret),) = [
            (id, row) for id, row in shown.items() if row.get("label") == "token"
        ]
        assert secret["rotation"] == "monthly" and secret["owner"] == "guestbook", secret
        # The leader's new token reaches the reader, which writes anew; the old
        # revision is nobody's then, and the charm removes it.
        assert self.juju.run("guestbook/leader", "new-token").status == "completed"
        self.says("reader", "wrote 2")
        self.until(lambda: len(self.revisions(secret_id)) == 1)

    def secret_of_a_user(self) -> None:
        editor = self.juju.add_secret("editor", {"password": "tabula-rasa"})
        self.juju.config("guestbook", {"editor": str(editor)})
        self.says("guestbook", "grant the secret of the option editor")
        # A grant alone is no event; the next one finds it.
        self.juju.grant_secret("editor", "guestbook")
        self.juju.config("guestbook", {"title": "Third"})
        self.says("guestbook", "on port 8080")
        url = "http://localhost:8080/entries"
        assert self.python("guestbook/0", EMPTY, url, "wrong") == "403"
        assert self.python("guestbook/0", EMPTY, url, "tabula-rasa") == "200"
        assert self.entries("guestbook/0") == []
        self.juju.update_secret("editor", {"password": "anew"})
        self.until(lambda: self.python("guestbook/0", EMPTY, url, "anew") == "200")

    def refresh(self) -> None:
        self.juju.run("guestbook/0", "add-entry", {"name": "Grace"})
        with tempfile.TemporaryDirectory(dir="/tmp") as directory:
            changed = pathlib.Path(directory) / "guestbook.charm"
            shutil.copy(self.charms / "guestbook.charm", changed)
            with zipfile.ZipFile(changed, "a") as archive:
                archive.writestr("version", "later")
            self.juju.refresh("guestbook", path=changed)
        self.wait(lambda status: status.apps["guestbook"].charm_version == "later")
        status = self.says("guestbook", "on port 8080")
        assert status.apps["guestbook"].charm_rev == 1, status.apps["guestbook"]
        task = self.juju.run("guestbook/0", "export")
        assert task.results["entries"] == {"n0": "Grace: was here"}, task
        # Kept by the controller through the refresh.
        assert str(task.results["exports"]) == "3", task

    def scale(self) -> None:
        self.juju.add_unit("guestbook")
        status = self.says("guestbook", "on port 8080")
        leader = next(name for name, unit in status.get_units("guestbook").items() if unit.leader)
        self.juju.remove_unit(leader)
        self.wait(lambda status: leader not in status.get_units("guestbook"))
        self.wait(
            lambda status: any(unit.leader for unit in status.get_units("guestbook").values())
        )
        self.says("guestbook", "on port 8080")

    def remove(self) -> None:
        self.juju.remove_application("guestbook", destroy_storage=True)
        self.wait(lambda status: "guestbook" not in status.apps)
        self.says("reader", "no book is related")
        shown = json.loads(self.juju.cli("secrets", "--format", "json") or "{}")
        assert [row for row in shown.values() if row["owner"] == "guestbook"] == [], shown
        self.juju.destroy_model("ops", destroy_storage=True)


if __name__ == "__main__":
    program, charms = sys.argv[1:]
    steps.run(Drive(program, pathlib.Path(charms)), HELP)
