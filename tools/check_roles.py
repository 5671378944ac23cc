"""Check that every role's argument specification, defaults, description and README tell the same."""

from __future__ import annotations

import sys
from pathlib import Path

import yaml
from role_readmes import stale


def problems(role: Path) -> list[str]:
    """Return what is wrong with one role, a line each."""
    files = {name: role / name for name in ("meta/argument_specs.yml", "defaults/main.yml", "meta/main.yml")}
    if missing := [f"{name} is missing" for name, path in files.items() if not path.is_file()]:
        return missing
    specification, defaults, meta = (yaml.safe_load(path.read_text()) or {} for path in files.values())
    main_entry = specification["argument_specs"]["main"]
    options = main_entry.get("options", {})

    found = list(stale(role))
    if meta["galaxy_info"]["description"] != main_entry["short_description"]:
        found.append("the description in meta/main.yml is not the short_description in argument_specs")
    found += [f"{name} is in defaults, not in argument_specs" for name in defaults if name not in options]
    for name, option in options.items():
        stated, real = option.get("default"), defaults.get(name)
        if not name.startswith(f"{role.name}_"):
            found.append(f"{name} should start with {role.name}_")
        if stated != real:
            found.append(f"{name} is {stated!r} by argument_specs and {real!r} by defaults")
    return found


def main() -> int:
    """Print every problem; the exit status is 1 when there is one."""
    roles = sorted(path for path in Path("roles").iterdir() if path.is_dir())
    found = [f"{role}: {problem}" for role in roles for problem in problems(role)]
    print("\n".join(found) or f"{len(roles)} roles, no difference")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
