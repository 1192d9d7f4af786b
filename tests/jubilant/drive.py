"""Drives Lazuli through jubilant, the library that charms' tests drive Juju with.

    drive.py PROGRAM

PROGRAM is the command line to be driven, under any name. Its controller is the
current one of LAZULI_DATA. Each step asserts what jubilant made of the answers;
the first that does not hold ends the run.
"""

import logging
import os
import pathlib
import shutil
import sys
import tempfile
import time

import jubilant

HERE = pathlib.Path(__file__).resolve().parent
SPEAKER = HERE / "charms" / "speaker"
LISTENER = HERE / "charms" / "listener"
MODEL = "jubilant"


def settled(status: jubilant.Status) -> bool:
    return jubilant.all_agents_idle(status) and not jubilant.any_error(status)


def heard(text: str):
    """Whether the listener hears exactly this, and nothing goes on any more."""

    def ready(status: jubilant.Status) -> bool:
        return settled(status) and status.apps["ears"].app_status.message == text

    return ready


def fails(words: str, action) -> None:
    """The action fails, with these words on stderr and Juju's exit code."""
    try:
        action()
    except jubilant.CLIError as error:
        said = [line for line in error.stderr.splitlines() if line.startswith("ERROR ")]
        assert len(said) == 1 and words in said[0], error.stderr
        assert error.returncode == 1, error.returncode
    else:
        raise AssertionError(f"it should have failed: {words}")


class Drive:
    """The steps, in their order."""

    def __init__(self, program: str) -> None:
        self.juju = jubilant.Juju(cli_binary=program, wait_timeout=120)

    def wait(self, ready) -> jubilant.Status:
        return self.juju.wait(ready, error=jubilant.any_error, delay=0.3, successes=2)

    def version(self) -> None:
        version = self.juju.version()
        assert version.tuple >= (3, 6, 0), version
        assert version.release and version.arch, version

    def add_model(self) -> None:
        self.juju.add_model(MODEL, config={"update-status-hook-interval": "1h"})
        assert self.juju.model == MODEL
        shown = self.juju.show_model()
        assert (shown.short_name, shown.life, shown.model_type) == (MODEL, "alive", "iaas"), shown
        assert self.juju.model_config()["update-status-hook-interval"] == "1h"
        fails("already exists", lambda: self.juju.cli("add-model", MODEL, include_model=False))

    def settings_of_the_model(self) -> None:
        self.juju.model_config({"automatically-retry-hooks": False})
        assert self.juju.model_config()["automatically-retry-hooks"] is False
        self.juju.model_config(reset="automatically-retry-hooks")
        assert self.juju.model_config()["automatically-retry-hooks"] is True
        self.juju.model_constraints({"mem": "1G"})
        assert self.juju.model_constraints() == {"mem": 1024}

    def deploy(self) -> None:
        self.juju.deploy(SPEAKER, num_units=2, config={"word": "lazuli", "times": 3})
        self.juju.deploy(LISTENER, "ears", base="ubuntu@24.04", constraints={"cores": 1})
        status = self.wait(
            lambda status: settled(status)
            and jubilant.all_active(status, "speaker")
            and jubilant.all_blocked(status, "ears")
        )
        assert sorted(status.apps["speaker"].units) == ["speaker/0", "speaker/1"]
        assert status.apps["speaker"].app_status.message == "says lazuli"
        assert status.apps["speaker"].charm_name == "speaker"
        assert status.apps["ears"].base.channel == "24.04"
        assert sum(unit.leader for unit in status.apps["speaker"].units.values()) == 1
        assert len(status.machines) == 3
        assert all(machine.juju_status.current == "started" for machine in status.machines.values())
        assert status.model.name == MODEL
        fails("already exists", lambda: self.juju.deploy(LISTENER, "ears"))

    def integrate(self) -> None:
        self.juju.integrate("ears:source", "speaker")
        self.wait(heard("speaker/0=lazuli speaker/1=lazuli"))
        status = self.wait(jubilant.all_active)
        assert status.apps["ears"].relations["source"][0].related_app == "speaker"
        fails("already exists", lambda: self.juju.integrate("ears", "speaker"))
        fails("not found", lambda: self.juju.integrate("ears", "nobody"))

    def config(self) -> None:
        config = self.juju.config("speaker")
        assert config == {"word": "lazuli", "times": 3, "loud": False}, config
        assert self.juju.config("speaker", app_config=True)["trust"] is False
        self.juju.config("speaker", {"word": "azurite", "loud": True})
        self.wait(heard("speaker/0=AZURITE speaker/1=AZURITE"))
        self.juju.config("speaker", reset=["word", "loud"])
        self.wait(heard("speaker/0=hello speaker/1=hello"))
        fails("unknown option", lambda: self.juju.config("speaker", {"colour": "blue"}))
        self.juju.trust("speaker")
        assert self.juju.config("speaker", app_config=True)["trust"] is True
        self.juju.trust("speaker", remove=True)

    def show_unit(self) -> None:
        shown = self.juju.show_unit("ears/0")
        relation = next(one for one in shown.relation_info if one.endpoint == "source")
        assert relation.related_endpoint == "words", relation
        assert relation.related_units["speaker/1"].data["word"] == "hello", relation
        fails("not found", lambda: self.juju.show_unit("ears/7"))

    def run(self) -> None:
        task = self.juju.run("speaker/0", "shout", {"word": "hey"})
        assert task.success and task.return_code == 0, task
        assert task.results == {"said": {"word": "HEY", "times": "2"}}, task
        assert task.stdout == "HEY!\n" and task.stderr == "", task
        assert len(task.log) == 1 and task.log[0].endswith(" UTC about to shout hey"), task
        task = self.juju.run("speaker/leader", "shout", {"word": "ho", "times": 1}, wait=30)
        assert task.results["said"] == {"word": "HO", "times": "1"}, task
        for code in (0, 3):
            try:
                self.juju.run("speaker/0", "mumble", {"code": code})
            except jubilant.TaskError as error:
                task = error.task
                assert (task.status, task.return_code, task.stderr) == ("failed", code, "mm\n")
                assert task.message == ("exit status 3" if code else "nobody heard"), task
            else:
                raise AssertionError("a task that failed")
        for unit, action, params in [
            ("speaker/0", "whisper", None),
            ("speaker/9", "shout", {"word": "x"}),
            ("speaker/0", "shout", {"times": 2}),
            ("speaker/0", "shout", {"word": "x", "times": 0}),
        ]:
            try:
                self.juju.run(unit, action, params)
            except ValueError:
                pass
            else:
                raise AssertionError(f"{action} on {unit} cannot be run")

    def exec(self) -> None:
        task = self.juju.exec("echo foo", unit="ears/0")
        assert task.success and task.stdout == "foo\n", task
        assert self.juju.exec("echo", "bar", "baz", unit="ears/0").stdout == "bar baz\n"
        machine = self.juju.status().apps["ears"].units["ears/0"].machine
        assert self.juju.exec("id", "-un", machine=machine).stdout == "ubuntu\n"
        task = self.juju.exec("is-leader; config-get word", unit="speaker/leader")
        assert task.stdout == "True\nhello\n", task
        try:
            self.juju.exec("echo oops >&2; exit 7", unit="ears/0")
        except jubilant.TaskError as error:
            assert (error.task.return_code, error.task.stderr) == (7, "oops\n"), error
        else:
            raise AssertionError("a command that failed")
        try:
            self.juju.exec("sleep 1", unit="ears/0", wait=0.001)
        except TimeoutError:
            pass
        else:
            raise AssertionError("a command that takes its time")
        try:
            self.juju.exec("true", unit="ears/9")
        except ValueError:
            pass
        else:
            raise AssertionError("there is no such unit")

    def ssh(self) -> None:
        said = self.juju.ssh("ears/0", "cat", "/var/lib/listener/heard")
        assert said == "speaker/0=hello speaker/1=hello\n", said
        machine = self.juju.status().apps["ears"].units["ears/0"].machine
        assert self.juju.ssh(machine, "id -un").strip() == "ubuntu"
        assert self.juju.ssh("ears/leader", "sudo id -un").strip() == "root"
        try:
            self.juju.ssh("ears/0", "exit 42")
        except jubilant.CLIError as error:
            assert error.returncode == 42, error
        else:
            raise AssertionError("the remote code should be ours")

    def scp(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            there = pathlib.Path(directory, "there")
            there.mkdir()
            (there / "file").write_text("carried\n")
            self.juju.scp(there, "ears/0:/tmp/", scp_options=["-r"])
            back = pathlib.Path(directory, "back")
            self.juju.scp("ears/0:/tmp/there/file", back)
            assert back.read_text() == "carried\n"

    def keys(self) -> None:
        key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
        self.juju.add_ssh_key(f"{key} someone@example")
        assert "someone@example" in self.juju.cli("ssh-keys")
        self.juju.remove_ssh_key("someone@example")
        assert "someone@example" not in self.juju.cli("ssh-keys", "--full")

    def scale(self) -> None:
        self.juju.add_unit("speaker")
        self.wait(heard("speaker/0=hello speaker/1=hello speaker/2=hello"))
        self.juju.remove_unit("speaker/1")
        status = self.wait(heard("speaker/0=hello speaker/2=hello"))
        assert sorted(status.apps["speaker"].units) == ["speaker/0", "speaker/2"]
        fails("not found", lambda: self.juju.remove_unit("speaker/1"))

    def refresh(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            changed = pathlib.Path(directory, "speaker")
            shutil.copytree(SPEAKER, changed)
            (changed / "version").write_text("2\n")
            self.juju.refresh("speaker", path=changed)
        status = self.wait(
            lambda status: settled(status)
            and status.apps["speaker"].charm_rev == 1
            and not any(unit.upgrading_from for unit in status.apps["speaker"].units.values())
        )
        assert status.apps["speaker"].version == "2"

    def log(self) -> None:
        lines = self.juju.debug_log(limit=5).splitlines()
        assert 0 < len(lines) <= 5, lines

    def machines(self) -> None:
        self.juju.add_machine(base="ubuntu@24.04", constraints={"cores": 1})
        before = set(self.juju.status().machines)
        name = max(before, key=int)
        self.wait(lambda status: status.machines[name].juju_status.current == "started")
        self.juju.cli("remove-machine", "--no-prompt", name)
        self.wait(lambda status: name not in status.machines)

    def remove(self) -> None:
        self.juju.remove_relation("ears", "speaker")
        status = self.wait(lambda status: settled(status) and jubilant.all_blocked(status, "ears"))
        assert not status.apps["ears"].relations
        self.juju.remove_application("ears", destroy_storage=True)
        status = self.wait(lambda status: "ears" not in status.apps and settled(status))
        assert "speaker" in status.apps
        fails("not found", lambda: self.juju.remove_application("ears"))

    def destroy_model(self) -> None:
        self.juju.destroy_model(MODEL, destroy_storage=True)
        assert self.juju.model is None
        names = self.juju.cli("models", "--format", "json", include_model=False)
        assert MODEL not in names, names


STEPS = [
    Drive.version,
    Drive.add_model,
    Drive.settings_of_the_model,
    Drive.deploy,
    Drive.integrate,
    Drive.config,
    Drive.show_unit,
    Drive.run,
    Drive.exec,
    Drive.ssh,
    Drive.scp,
    Drive.keys,
    Drive.scale,
    Drive.refresh,
    Drive.log,
    Drive.machines,
    Drive.remove,
    Drive.destroy_model,
]


def main() -> None:
    logging.basicConfig(level=os.environ.get("LOG_LEVEL", "WARNING"))
    drive = Drive(sys.argv[1])
    for step in STEPS:
        begun = time.monotonic()
        step(drive)
        took = time.monotonic() - begun
        print(f"   {step.__name__:<30} {took:6.1f} s", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
