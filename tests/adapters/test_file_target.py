"""`FileTarget`: a result as a file that is always whole and says which call it belongs to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from cascade import workflow as cs
from cascade.adapters.serializers.pickled import PickleSerializer
from cascade.spec.protocols import CachePolicy
from cascade.testing.fakes import FakeClock
from tests.adapters.test_memory_cache import load, store


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "result.json"


def test_it_is_a_cache_policy(file: Path) -> None:
    assert isinstance(cs.FileTarget(file), CachePolicy)


def test_the_value_of_the_same_key_is_found(file: Path) -> None:
    store(cs.FileTarget(file), "f:1", None)
    assert load(cs.FileTarget(file), "f:1") == (None,)


def test_a_file_of_another_key_is_a_miss_and_is_overwritten(file: Path) -> None:
    target = cs.FileTarget(file)
    store(target, "f:1", "one")
    assert load(target, "f:2") is None
    store(target, "f:2", "two")
    assert [load(target, key) for key in ("f:1", "f:2")] == [None, ("two",)]
    assert [found.name for found in file.parent.iterdir()] == ["result.json"]


def test_a_placeholder_makes_one_file_for_each_key(tmp_path: Path) -> None:
    target = cs.FileTarget(tmp_path / "made" / "{key}.json")
    store(target, "f:1", "one")
    store(target, "a.<locals>.f/../:2", "two")
    assert [load(target, key) for key in ("f:1", "a.<locals>.f/../:2")] == [("one",), ("two",)]
    assert sorted(found.name for found in (tmp_path / "made").iterdir()) == ["a._locals_.f_.._-2.json", "f-1.json"]


def test_a_value_is_found_until_its_time_is_over(file: Path) -> None:
    clock = FakeClock(1_000.0)
    target = cs.FileTarget(file, ttl_s=10, clock=clock)
    store(target, "f:1", 1)
    clock.advance(9)
    assert load(target, "f:1") == (1,)
    store(target, "f:1", 1, ttl_s=2)
    clock.advance(2)
    assert load(target, "f:1") is None


def test_any_serializer_may_be_given(file: Path) -> None:
    target = cs.FileTarget(file, PickleSerializer(key="0123456789abcdef"))
    value: Any = {"lines": "\n\n", "type": ValueError}
    store(target, "f:1", value)
    assert load(target, "f:1") == (value,)


def test_a_write_that_fails_leaves_the_file_as_it_was(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = cs.FileTarget(file)
    store(target, "f:1", "old")
    with pytest.raises(cs.UnstorableValueError):
        store(target, "f:1", object())

    def no_space(_descriptor: int) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", no_space)
        with pytest.raises(OSError, match="no space left"):
            store(target, "f:1", "new")
    assert load(target, "f:1") == ("old",)
    assert [found.name for found in file.parent.iterdir()] == ["result.json"]


def test_readers_see_the_old_file_or_the_new_one(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = cs.FileTarget(file)
    store(target, "f:1", "old")
    seen = []
    replace = Path.replace

    def look_before(self: Path, other: Any) -> Path:
        seen.append(load(target, "f:1"))
        return replace(self, other)

    monkeypatch.setattr(Path, "replace", look_before)
    store(target, "f:1", "new")
    assert [*seen, load(target, "f:1")] == [("old",), ("new",)]


@pytest.mark.parametrize(
    "content", [b"", b"my notes", b"[1]\n", b'{"format":"other","version":1}\n', b"\xff\n", b"{" * 9]
)
def test_a_file_of_something_else_is_not_overwritten(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    calls = []

    @cs.task
    def make() -> int:
        calls.append(1)
        return 1

    with pytest.raises(
        cs.CorruptDataError, match=r"result\.json was not written by a FileTarget, so it is not overwritt"
    ):
        cs.run(make.with_cache(cs.FileTarget(file))())
    assert (file.read_bytes(), calls) == (content, [])


def test_a_newer_version_is_refused(file: Path) -> None:
    file.write_bytes(b'{"format":"cascade-file-target","version":2}\n1')
    with pytest.raises(
        cs.CorruptDataError, match="is of version 2, and this version of Cascade reads versions up to 1"
    ):
        load(cs.FileTarget(file), "f:1")


def test_a_damaged_value_is_named(file: Path) -> None:
    store(cs.FileTarget(file), "f:1", 1)
    file.write_bytes(file.read_bytes()[:-5])
    with pytest.raises(cs.CorruptDataError, match=r"result\.json is damaged: .*Delete the file to have it made again"):
        load(cs.FileTarget(file), "f:1")


def test_targets_of_one_path_are_equal(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(file.parent)
    assert cs.FileTarget(file) == cs.FileTarget("result.json")
    assert hash(cs.FileTarget(file)) == hash(cs.FileTarget("result.json"))
    assert cs.FileTarget(file) != cs.FileTarget(file, ttl_s=1)
    assert cs.FileTarget(file) != cs.SqliteCache(file)
