"""Stand in for get-pip.py, which cannot be had everywhere: the pip that Python brings installs the one asked for."""

from __future__ import annotations

import ensurepip
import runpy
import sys

ensurepip.bootstrap()
packages = [argument for argument in sys.argv[1:] if not argument.startswith("--no-")]
sys.argv[1:] = ["install", *packages]
runpy.run_module("pip", run_name="__main__")
