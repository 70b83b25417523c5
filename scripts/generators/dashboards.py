"""Writes the dashboards as JSON. With --check nothing is written and a difference is an error."""

import argparse
import sys

from boards import export


def main() -> int:
    """Return 1 if --check finds a difference, else 0."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a committed file differs")
    if not parser.parse_args().check:
        export.write()
        return 0
    drifted = export.drifted()
    for path in drifted:
        print(f"differs from the code: {path.relative_to(export.ROOT)} (run `make generate`)", file=sys.stderr)
    return 1 if drifted else 0


if __name__ == "__main__":
    sys.exit(main())
