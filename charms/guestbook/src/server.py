"""The server's process, with systemd or without."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

PID = pathlib.Path("/run/guestbook.pid")
SETTINGS = pathlib.Path("/etc/guestbook.json")
PROGRAM = pathlib.Path(__file__).with_name("serve.py")


def configure(settings):
    """Brings the server to these settings; restarts it only for a change."""
    text = json.dumps(settings, sort_keys=True)
    if SETTINGS.exists() and SETTINGS.read_text() == text and running():
        return
    stop()
    # It holds the token.
    descriptor = os.open(SETTINGS, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    process = subprocess.Popen(
        [sys.executable, str(PROGRAM), str(SETTINGS)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env={"PATH": os.environ.get("PATH", "")},
        start_new_session=True,
    )
    PID.write_text(str(process.pid))


def running():
    """The server's process id, if it runs."""
    try:
        pid = int(PID.read_text())
        command = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return None
    return pid if str(PROGRAM).encode() in command else None


def stop():
    """Ends the server; its end is waited for, since it holds the port."""
    pid = running()
    if pid:
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + 5
        while running() and time.monotonic() < deadline:
            time.sleep(0.02)
    PID.unlink(missing_ok=True)
