"""Runs the steps of a test that drives charms: the public methods of an object,
in the order in which they are written, but for its helpers. It has a `juju`,
whose status and log are shown when a step fails."""

import logging
import sys
import time


def run(drive, helpers) -> None:
    logging.getLogger("jubilant").setLevel(logging.ERROR)
    for name, step in vars(type(drive)).items():
        if name in helpers or name.startswith("_"):
            continue
        begun = time.monotonic()
        try:
            step(drive)
        except BaseException:
            print(drive.juju.cli("status"), drive.juju.debug_log(limit=60), sep="\n", file=sys.stderr)
            raise
        print(f"   {name:<30} {time.monotonic() - begun:6.1f} s", flush=True)
