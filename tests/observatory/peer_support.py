"""A tiny engine to compare with: a wheel that really installs, and a peer module that uses it."""

from __future__ import annotations

import textwrap
import zipfile
from pathlib import Path

from observatory.comparing.measuring import load
from observatory.comparing.peers import Declared

VERSION = "1.2.3"
ENGINE = """
    print("the tiny engine greets everybody who imports it")

    def step(n):
        return n - 1
"""
PEER = """
    from observatory.comparing.peer import Cannot, CannotError, Peer, Way
    from observatory.comparing.workloads import *

    def simple_loop(size):
        import tiny

        def work():
            n = size
            while n > 0:
                n = tiny.step(n)
            return n

        return work

    PEER = Peer(
        title="Tiny",
        distribution="tiny",
        about="as it comes",
        workloads={
            **{name: Cannot("has no such thing") for name in WORKLOADS},
            SIMPLE_LOOP: Way(simple_loop, 1_000, "it has no guard"),
            MEMORY: Way(simple_loop, 1_000),
        },
        requirements=(REQUIREMENT,),
    )
"""


def write_wheel(folder: Path) -> Path:
    """The engine as a wheel; it depends on nothing, so that no index is asked."""
    wheel = folder / f"tiny-{VERSION}-py3-none-any.whl"
    info = f"tiny-{VERSION}.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny.py", textwrap.dedent(ENGINE))
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: tiny\nVersion: {VERSION}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return wheel


def declare(folder: Path, source: str, name: str = "tiny_peer") -> Declared:
    """The peer of a module with this source."""
    file = folder / f"{name}.py"
    file.write_text(textwrap.dedent(source), encoding="utf-8")
    return Declared(name, file, load(file))


def declare_way(folder: Path, prepare: str, **fields: object) -> Declared:
    """A peer without an engine, in our own environment, whose ``simple_loop`` is prepared by this source."""
    given = "".join(f"{name}={value!r}, " for name, value in fields.items() if name != "session")
    if "session" in fields:
        given += f"session={fields['session']}, "
    source = (
        "import asyncio, contextlib, os, subprocess, sys, time\n"
        "from observatory.comparing.peer import Cannot, CannotError, Peer, Way\n"
        "from observatory.comparing.workloads import *\n"
        + textwrap.dedent(prepare)
        + "\nways = {**{name: Cannot('no') for name in WORKLOADS}, SIMPLE_LOOP: Way(simple_loop, 30)}\n"
        + f"PEER = Peer(title='Way', distribution='click', about='by hand', workloads=ways, {given})\n"
    )
    return declare(folder, source, "way_peer")
