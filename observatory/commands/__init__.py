"""The subcommands of ``observatory``: one a module."""
