#!/usr/bin/env python3
"""A hook that calls a dozen tools, as hooks of such charms do."""

import statistics
import subprocess
import sys
import time

import ops


class WithOps(ops.CharmBase):
    _stored = ops.StoredState()

    def __init__(self, framework):
        super().__init__(framework)
        self._stored.set_default(runs=0)
        framework.observe(self.on.config_changed, self._on_config_changed)
        framework.observe(self.on.by_hand_action, self._on_by_hand)

    def _on_config_changed(self, _):
        self._stored.runs += 1
        number = self.config["n"]
        self.unit.set_workload_version(str(number))
        self.unit.set_ports(8080 + number % 2)
        if self.unit.is_leader():
            self.app.status = ops.ActiveStatus(f"run {self._stored.runs}")
        binding = self.model.get_binding("juju-info")
        assert binding is None or binding.network.bind_address
        self.unit.status = ops.ActiveStatus(f"n is {number}")

    def _on_by_hand(self, event):
        took = []
        for _ in range(21):
            begun = time.perf_counter()
            subprocess.run([sys.executable, "-c", "import ops"], check=True)
            took.append(time.perf_counter() - begun)
        event.set_results({"us": round(statistics.median(took) * 1e6)})


if __name__ == "__main__":
    ops.main(WithOps, use_juju_for_storage=True)
