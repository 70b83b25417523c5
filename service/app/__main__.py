"""`python -m app` and the console script `bot-gateway`."""

import sys

from app.cli import main as run_command_line


def main() -> None:
    sys.exit(run_command_line())


if __name__ == "__main__":
    main()
