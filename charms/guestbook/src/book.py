"""The entries of the book: one JSON document per line, the oldest first."""

import fcntl
import json
import os
import pathlib


class Book:
    """The book in a directory. The server and actions write in it at once."""

    def __init__(self, directory):
        self.path = pathlib.Path(directory) / "entries"

    def entries(self):
        """All entries, the oldest first."""
        try:
            lines = self.path.read_text().splitlines()
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in lines]

    def add(self, name, text):
        """Writes an entry; it is on the disk when this returns."""
        with self.path.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(json.dumps({"name": name, "text": text}) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def clear(self):
        """Removes all entries."""
        self.path.unlink(missing_ok=True)
