"""charms/spark, driven through jubilant.

    drive.py PROGRAM ARCHIVE

PROGRAM is the command line to be driven; ARCHIVE the charm's resource.
"""

import pathlib
import sys
import tempfile

import jubilant

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import steps

CHARM = pathlib.Path(__file__).resolve().parents[2] / "charms/spark"

# What is no step.
HELP = ("settled", "pi", "refused")

# As a stranger would submit work.
FORGED = (
    "sudo -u spark env SPARK_CONF_DIR=/etc/spark timeout 30 /opt/spark/bin/spark-submit"
    " --conf spark.authenticate.secret=guessed --master spark://{}:7077"
    " /var/lib/spark/pi.py 1 2>&1 || true"
)


class Drive:
    """The steps, in their order."""

    def __init__(self, program: str, archive: str) -> None:
        self.juju = jubilant.Juju(cli_binary=program, wait_timeout=180)
        self.archive = archive

    def settled(self, units: int) -> tuple[str, str]:
        """Waits for a cluster of so many units; its master and the address of that."""
        found = []

        def ready(status: jubilant.Status) -> bool:
            there = status.get_units("spark")
            leaders = [name for name, unit in there.items() if unit.leader]
            if len(there) != units or len(leaders) != 1 or not jubilant.all_agents_idle(status):
                return False
            address = there[leaders[0]].public_address
            workers = max(units - 1, 1)
            wanted = {name: f"worker of {address}" for name in there}
            wanted[leaders[0]] = f"master of {workers} worker{'s' if workers > 1 else ''}"
            found[:] = [leaders[0], address]
            return {name: unit.workload_status.message for name, unit in there.items()} == wanted

        self.juju.wait(ready, error=jubilant.any_error, delay=0.5, successes=2)
        return found[0], found[1]

    def pi(self, unit: str, executors: int) -> None:
        results = self.juju.run(unit, "sparkpi", {"slices": 20}, wait=120).results
        assert 3.13 < float(results["pi"]) < 3.15, results
        assert len(results["executors"].split(",")) == executors, results

    def refused(self, unit: str, why: str) -> None:
        try:
            results = self.juju.run(unit, "sparkpi").results
        except jubilant.TaskError as error:
            assert why in error.task.message, error.task
        else:
            raise AssertionError(results)

    def without_the_resource(self) -> None:
        """It says what it needs, and refuses what is no Spark."""
        self.juju.add_model("spark")
        self.juju.deploy(CHARM, num_units=3, config={"worker-cores": 1, "worker-memory": "2g"})

        def blocked(status: jubilant.Status) -> bool:
            units = status.get_units("spark").values()
            return jubilant.all_agents_idle(status) and all(
                unit.workload_status.message
                == "needs Spark: lazuli attach-resource spark spark=FILE"
                for unit in units
            )

        self.juju.wait(blocked, error=jubilant.any_error, delay=0.5)
        with tempfile.TemporaryDirectory(dir="/tmp") as directory:
            other = pathlib.Path(directory) / "other.tar.gz"
            other.write_text("no archive")
            self.juju.cli("attach-resource", "spark", f"spark={other}")
        self.juju.wait(blocked, error=jubilant.any_error, delay=0.5)
        self.refused("spark/leader", "there is no Spark")

    def attach(self) -> None:
        self.juju.cli("attach-resource", "spark", f"spark={self.archive}")
        self.settled(3)
        status = self.juju.status()
        assert status.apps["spark"].version.startswith("3.5."), status.apps["spark"]

    def compute(self) -> None:
        """On all workers, whichever unit it is asked of."""
        leader, _ = self.settled(3)
        self.pi(leader, 2)
        worker = next(name for name in self.juju.status().get_units("spark") if name != leader)
        self.pi(worker, 2)

    def strangers_are_refused(self) -> None:
        leader, address = self.settled(3)
        said = self.juju.ssh(leader, FORGED.format(address))
        assert f"Failed to connect to master {address}:7077" in said, said
        assert "\n4.0 " not in said and "\n3." not in said, said

    def limits(self) -> None:
        self.juju.config("spark", {"worker-memory": "much"})
        self.juju.wait(
            lambda status: all(
                unit.workload_status.message.startswith("worker-memory is no amount")
                for unit in status.get_units("spark").values()
            ),
            error=jubilant.any_error,
            delay=0.5,
        )
        self.juju.config("spark", {"worker-memory": "3g"})
        self.settled(3)

    def master_is_removed(self) -> None:
        leader, _ = self.settled(3)
        self.juju.remove_unit(leader)
        other, _ = self.settled(2)
        assert other != leader
        self.pi(other, 1)

    def alone(self) -> None:
        """The last unit is master and worker."""
        leader, _ = self.settled(2)
        worker = next(name for name in self.juju.status().get_units("spark") if name != leader)
        self.juju.remove_unit(worker)
        self.settled(1)
        self.pi(leader, 1)

    def scale_up(self) -> None:
        self.juju.add_unit("spark", num_units=2)
        leader, _ = self.settled(3)
        self.pi(leader, 2)

    def end(self) -> None:
        self.juju.remove_application("spark")
        self.juju.wait(lambda status: not status.apps, delay=0.5, successes=1)
        self.juju.destroy_model("spark")


if __name__ == "__main__":
    program, archive = sys.argv[1:]
    steps.run(Drive(program, archive), HELP)
