"""Stand in for get-pip.py, which cannot be had everywhere: the pip that Python brings installs the one asked for."""

from __future__ import annotations

import subprocess
import sys

packages = [argument for argument in sys.argv[1:] if not argument.startswith("--no-")]
for command in (["ensurepip"], ["pip", "install", *packages]):
    subprocess.run([sys.executable, "-m", *command], check=True)
