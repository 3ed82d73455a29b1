"""The program `cryptoorders`. `python -m cryptoorders_redis` starts it too."""

import sys

from cryptoorders_redis.cli.output import guard_output


def main() -> None:
    """Run the command line. Exits with 2 if a package that it needs is not installed."""
    try:
        from cryptoorders_redis.cli.app import app
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"typer", "rich"}:
            raise
        print("the command line is not installed: run pip install 'cryptoorders-redis[cli]'", file=sys.stderr)
        sys.exit(2)
    with guard_output():
        app(prog_name="cryptoorders")


if __name__ == "__main__":
    main()
