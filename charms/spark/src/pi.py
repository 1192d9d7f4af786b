"""Computes pi by throwing darts: `pi.py SLICES`.

Prints it, and the hosts that have thrown, with commas between. The darts of a
slice are always the same, and so is the answer.
"""

import random
import socket
import sys

from pyspark import SparkContext

DARTS = 100_000


def throw(number: int) -> tuple[int, str]:
    """How many darts of a slice are within the circle, and who has thrown them."""
    generator = random.Random(number)
    within = sum(generator.random() ** 2 + generator.random() ** 2 <= 1 for _ in range(DARTS))
    return within, socket.gethostname()


def main() -> None:
    slices = int(sys.argv[1])
    with SparkContext(appName="sparkpi") as context:
        thrown = context.parallelize(range(slices), slices).map(throw).collect()
    hits = sum(within for within, _ in thrown)
    print(4 * hits / (slices * DARTS), ",".join(sorted({host for _, host in thrown})))


if __name__ == "__main__":
    main()
