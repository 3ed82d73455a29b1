"""An example of each command, for tests of what all commands have in common."""

COMMANDS = {
    "place": ("order1", "alice", "BTC", "1", "2"),
    "pause": ("order1",),
    "resume": ("order1",),
    "cancel": ("order1",),
    "reduce": ("order1", "0.5"),
    "amend": ("order1", "--price", "3"),
    "cancel-all": ("alice",),
    "cancel-all-after": ("alice", "60"),
    "get": ("order1",),
    "live": (),
    "count": (),
    "stats": (),
    "watch": ("--count", "1"),
    "follow": ("--from-start", "--no-wait"),
    "verify": (),
    "repair": (),
    "replay": ("-",),
    "submit": ("-",),
    "web": ("--listen", "127.0.0.1:0"),
    "worker": ("--until-empty",),
    "metrics": ("--once",),
    "intake configure": ("--window", "1"),
    "intake flush": (),
    "intake stats": (),
    "intake dead": (),
    "intake resubmit": ("--all",),
    "copy": ("--to", "memory://"),
    "export": ("-",),
    "import": ("-",),
    "resize": ("1",),
    "configure": ("--feed", "100"),
    "drop": ("--yes",),
}


def example_of(command: str) -> list[str]:
    """Return the words of a command, and its arguments."""
    return [*command.split(), *COMMANDS[command]]
