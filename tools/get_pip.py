"""Stand in for get-pip.py, which cannot be had everywhere: Python brings a pip along, and it installs the one asked for."""

from __future__ import annotations

import ensurepip
import runpy
import sys

ensurepip.bootstrap()
sys.argv[1:] = ["install", *(argument for argument in sys.argv[1:] if argument not in ("--no-setuptools", "--no-wheel"))]
runpy.run_module("pip", run_name="__main__")
