"""The program `cryptoorders`, also started by `python -m cryptoorders_redis`."""

import sys

from cryptoorders_redis.cli.output import checked_output


def main() -> None:
    """Run the command line; exits with 2 where what it is made with is not installed."""
    try:
        from cryptoorders_redis.cli.app import app
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"typer", "rich"}:
            raise
        print("the command line is an extra: pip install 'cryptoorders-redis[cli]'", file=sys.stderr)
        sys.exit(2)
    with checked_output():
        app(prog_name="cryptoorders")


if __name__ == "__main__":
    main()
