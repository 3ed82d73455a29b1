"""An example of each command, for tests of what all commands have in common."""

COMMANDS = {
    "place": ("order1", "alice", "BTC", "1", "2"),
    "pause": ("order1",),
    "resume": ("order1",),
    "cancel": ("order1",),
    "reduce": ("order1", "0.5"),
    "amend": ("order1", "--price", "3"),
    "cancel-all": ("alice",),
    "get": ("order1",),
    "live": (),
    "count": (),
    "stats": (),
    "watch": ("--count", "1"),
    "verify": (),
    "repair": (),
    "replay": ("-",),
    "copy": ("--to", "memory://"),
    "export": ("-",),
    "import": ("-",),
    "resize": ("1",),
    "drop": ("--yes",),
}
