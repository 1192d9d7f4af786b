"""charms/postgresql, driven through jubilant.

    drive.py PROGRAM

PROGRAM is the command line to be driven.
"""

import pathlib
import shlex
import sys
import time

import jubilant

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import steps

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Drive:
    """The steps, in their order."""

    def __init__(self, program: str) -> None:
        self.juju = jubilant.Juju(cli_binary=program, wait_timeout=90)
        self.rows = 0
        self.first = self.second = ""

    def settled(self, primary: str, replicas: int) -> None:
        """Waits until a unit is the primary of so many replicas, and the client knows."""

        def ready(status: jubilant.Status) -> bool:
            units = status.get_units("postgresql")
            if len(units) != replicas + 1 or not jubilant.all_agents_idle(status):
                return False
            said = {name: unit.workload_status.message for name, unit in units.items()}
            wanted = {name: f"replica of {primary}" for name in units}
            wanted[primary] = f"primary, {replicas} replicas"
            if said != wanted:
                return False
            if "pgclient" not in status.apps:
                return True
            address = units[primary].address or units[primary].public_address
            client = status.get_units("pgclient")["pgclient/0"].workload_status
            return client.message.startswith(f"writes to {address}:5432, ")

        self.juju.wait(ready, error=jubilant.any_error, delay=0.5, successes=2)

    def sql(self, text: str, read_only: bool = False) -> dict:
        task = self.juju.run("pgclient/0", "sql", {"text": text, "read-only": read_only})
        return task.results

    def write(self) -> None:
        """One more row, which all members have soon."""
        self.rows += 1
        self.sql(f"insert into sold values ({self.rows})")
        assert self.count() == self.rows

    def count(self) -> int:
        return int(self.sql("select count(*) from sold")["reply"])

    def replicas_have_all(self, replicas: int) -> None:
        deadline = time.monotonic() + 60
        wanted = {f"n{n}": str(self.rows) for n in range(replicas)}
        while True:
            replies = self.sql("select count(*) from sold", read_only=True).get("replies")
            if replies == wanted:
                return
            assert time.monotonic() < deadline, replies
            time.sleep(0.5)

    def deploy(self) -> None:
        self.juju.add_model("pg")
        self.juju.deploy(ROOT / "charms/postgresql", num_units=3)
        self.first = self.wait_for_another("")
        self.settled(self.first, 2)
        self.juju.deploy(ROOT / "tests/postgresql/charms/pgclient")
        self.juju.integrate("postgresql:db", "pgclient:db")
        self.settled(self.first, 2)
        self.sql("create table sold (id int primary key)")
        self.write()
        self.replicas_have_all(2)
        results = self.juju.run(self.first, "check").results
        assert results["replicas"] == "2", results
        states = [row["state"] for name, row in results.items() if name != "replicas"]
        assert states == ["streaming", "streaming"], results

    def replicas_are_read_only(self) -> None:
        try:
            results = self.sql("insert into sold values (99)", read_only=True)
        except jubilant.TaskError as error:
            assert "read-only" in error.task.stderr, error.task
        else:
            raise AssertionError(results)

    def failover(self) -> None:
        """No transaction is lost, though they were written a moment before."""
        leader = "postgresql/leader"
        results = self.juju.run(leader, "get-primary").results
        assert results["primary"] == self.first, results
        self.second = "postgresql/2" if self.first != "postgresql/2" else "postgresql/1"
        self.write()
        self.juju.run(leader, "failover", {"to": self.second})
        self.settled(self.second, 2)
        assert self.count() == self.rows
        self.write()
        self.replicas_have_all(2)
        try:
            self.juju.run(leader, "failover", {"to": "postgresql/9"})
        except jubilant.TaskError as error:
            assert "not a unit of the cluster" in error.task.message, error.task
        else:
            raise AssertionError("it was not refused")

    def successor_that_lacks_something(self) -> None:
        """It does not take over: the old primary goes on, and has every row."""
        units = ("postgresql/0", "postgresql/1", "postgresql/2")
        other = next(name for name in units if name != self.second)
        # Nothing reaches it any more, and nobody has noticed.
        for sql in ("alter system set primary_conninfo to ''", "select pg_reload_conf()"):
            self.psql(other, sql)
        deadline = time.monotonic() + 30
        while self.psql(other, "select count(*) from pg_stat_wal_receiver") != "0":
            assert time.monotonic() < deadline, "it still receives"
            time.sleep(0.2)
        self.write()
        self.juju.run("postgresql/leader", "failover", {"to": other})
        self.gave_back(other)
        self.settled(self.second, 2)
        assert self.count() == self.rows
        self.write()
        self.replicas_have_all(2)

    def psql(self, unit: str, text: str) -> str:
        command = "cd / && sudo -u postgres psql -XAtqc " + shlex.quote(text)
        return self.juju.ssh(unit, command).strip()

    def gave_back(self, unit: str) -> None:
        deadline = time.monotonic() + 60
        while f"{unit} has not got all" not in self.juju.debug_log(limit=0):
            assert time.monotonic() < deadline, "it was not given back"
            time.sleep(0.5)

    def backup(self) -> None:
        task = self.juju.run(self.second, "backup", {"database": "shop"})
        file = task.results["file"]
        listed = self.juju.ssh(self.second, "sudo", "pg_restore", "--list", file)
        assert "TABLE DATA public sold" in listed, listed

    def primary_is_removed(self) -> None:
        """What it wrote last is on the replicas, one of which takes its place."""
        self.write()
        self.juju.remove_unit(self.second)
        primary = self.wait_for_another(self.second)
        self.settled(primary, 1)
        assert self.count() == self.rows
        self.write()
        self.replicas_have_all(1)

    def wait_for_another(self, old: str) -> str:
        found = []

        def ready(status: jubilant.Status) -> bool:
            units = status.get_units("postgresql")
            found[:] = [
                name
                for name, unit in units.items()
                if name != old and unit.workload_status.message.startswith("primary, ")
            ]
            return bool(found)

        self.juju.wait(ready, delay=0.5, successes=2)
        return found[0]

    def scale_up(self) -> None:
        self.juju.add_unit("postgresql", num_units=2)
        primary = self.wait_for_another("")
        self.settled(primary, 3)
        self.replicas_have_all(3)

    def primary_is_lost(self) -> None:
        """Its machine is gone with it; what the replicas had goes on."""
        primary = self.wait_for_another("")
        self.replicas_have_all(3)
        self.juju.remove_unit(primary, force=True)
        other = self.wait_for_another(primary)
        self.settled(other, 2)
        assert self.count() == self.rows
        self.write()
        self.replicas_have_all(2)

    def relation_ends(self) -> None:
        """Its user may not log in any more."""
        self.juju.remove_relation("postgresql", "pgclient")
        deadline = time.monotonic() + 60
        while True:
            try:
                self.sql("select 1")
            except jubilant.TaskError as error:
                assert "pg_hba.conf" in error.task.stderr or "not permitted" in error.task.stderr, (
                    error.task
                )
                return
            assert time.monotonic() < deadline, "it still can"
            time.sleep(0.5)

    def end(self) -> None:
        self.juju.remove_application("pgclient")
        self.juju.remove_application("postgresql", destroy_storage=True)
        self.juju.wait(lambda status: not status.apps, delay=0.5, successes=1)
        self.juju.destroy_model("pg", destroy_storage=True)


# What is no step.
HELP = (
    "settled",
    "sql",
    "psql",
    "write",
    "count",
    "replicas_have_all",
    "gave_back",
    "wait_for_another",
)


if __name__ == "__main__":
    steps.run(Drive(sys.argv[1]), HELP)
