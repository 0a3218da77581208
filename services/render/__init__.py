"""The render service: speech and an avatar in, talking-face video out."""

import os

# Set before numpy is first imported. Drawing solves many small systems: more BLAS threads only wait for each other, and
# burn both cores doing so (measured 10 times the CPU time of one).
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
