"""The clock of virtual time jumps exactly when nothing outside the event loop is under way."""

from __future__ import annotations

import asyncio
import os
import threading
import time

import pytest

from cascade.testing import HangError, real_time, run_in_virtual_time


def now() -> float:
    return asyncio.get_running_loop().time()


def test_sleeping_takes_its_whole_time_on_the_virtual_clock_and_none_on_the_real_one() -> None:
    async def program() -> float:
        await asyncio.gather(asyncio.sleep(3_600), asyncio.sleep(86_400 * 2))
        return now()

    began = time.monotonic()
    assert run_in_virtual_time(program(), limit_s=1e6) == 86_400 * 2
    assert time.monotonic() - began < 60


async def test_inside_a_running_event_loop_it_is_refused_and_leaves_no_warning() -> None:
    with pytest.raises(RuntimeError, match="call it in an ordinary function: 'def test_…'"):
        run_in_virtual_time(asyncio.sleep(1))


def test_timers_fire_in_the_order_of_their_times() -> None:
    async def program() -> list[tuple[str, float]]:
        fired: list[tuple[str, float]] = []
        loop = asyncio.get_running_loop()

        def fire(name: str) -> None:
            fired.append((name, now()))

        for name, delay_s in (("late", 0.3), ("early", 0.1), ("middle", 0.2)):
            loop.call_later(delay_s, fire, name)
        await asyncio.sleep(1)
        return fired

    fired = run_in_virtual_time(program())
    assert [name for name, _ in fired] == ["early", "middle", "late"]
    assert [moment for _, moment in fired] == pytest.approx([0.1, 0.2, 0.3])


def test_a_timeout_is_reached_in_virtual_time() -> None:
    async def program() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(30):
                await asyncio.Event().wait()
        return now()

    assert run_in_virtual_time(program()) == 30


def test_computing_takes_no_virtual_time() -> None:
    async def program() -> float:
        sum(range(100_000))
        await asyncio.sleep(0)
        return now()

    assert run_in_virtual_time(program()) == 0


@pytest.mark.slow  # a second, if threads of other tests are alive
def test_a_hang_is_an_error_that_names_who_waits() -> None:
    async def program() -> None:
        asyncio.current_task().set_name("the one that waits")  # type: ignore[union-attr]
        await asyncio.Event().wait()

    with pytest.raises(HangError, match=r"nothing outside the event loop.*the one that waits at .*test_virtual_time"):
        run_in_virtual_time(program())


def test_polling_without_end_is_an_error() -> None:
    async def program() -> None:
        while True:  # noqa: ASYNC110 - polling is the subject
            await asyncio.sleep(1)

    with pytest.raises(HangError, match="has not ended after 100 virtual seconds"):
        run_in_virtual_time(program(), limit_s=100)


def test_the_clock_does_not_jump_while_a_thread_works() -> None:
    async def program() -> tuple[str, float]:
        released = threading.Event()
        timer = asyncio.get_running_loop().call_later(3_600, released.set)
        work = asyncio.to_thread(released.wait, 0.01)
        came_early = await work
        timer.cancel()
        return "the timer came first" if came_early else "the thread came first", now()

    order, elapsed_s = run_in_virtual_time(program())
    assert order == "the thread came first"
    assert elapsed_s < 3_600


def test_a_timer_still_fires_after_its_real_time_while_a_thread_works() -> None:
    async def program() -> bool:
        released = threading.Event()
        asyncio.get_running_loop().call_later(0.01, released.set)
        return await asyncio.to_thread(released.wait, 60)

    assert run_in_virtual_time(program())


def test_the_clock_jumps_again_when_the_thread_has_ended() -> None:
    async def program() -> float:
        await asyncio.to_thread(int)
        await asyncio.sleep(3_600)
        return now()

    assert 3_600 <= run_in_virtual_time(program()) < 3_700


def test_the_clock_does_not_jump_while_a_coroutine_says_that_it_waits_for_a_thread() -> None:
    async def program() -> float:
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        thread = threading.Timer(0.01, lambda: loop.call_soon_threadsafe(done.set_result, None))
        thread.start()
        with real_time():
            async with asyncio.timeout(3_600):
                await done
        thread.join()
        return now()

    assert run_in_virtual_time(program()) < 3_600


def test_a_thread_of_its_own_is_waited_for_before_a_hang_is_declared() -> None:
    async def program() -> str:
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        thread = threading.Timer(0.01, lambda: loop.call_soon_threadsafe(done.set_result, "done"))
        thread.start()
        return str(await done)

    assert run_in_virtual_time(program()) == "done"


def test_the_clock_does_not_jump_while_a_pipe_is_watched() -> None:
    async def program() -> float:
        loop = asyncio.get_running_loop()
        readable, writable = os.pipe()
        came = loop.create_future()
        loop.add_reader(readable, came.set_result, None)
        thread = threading.Timer(0.01, os.write, (writable, b"x"))
        thread.start()
        async with asyncio.timeout(3_600):
            await came
        loop.remove_reader(readable)
        thread.join()
        os.close(readable)
        os.close(writable)
        return now()

    assert run_in_virtual_time(program()) < 3_600


def test_real_time_does_nothing_in_an_ordinary_event_loop() -> None:
    async def program() -> str:
        with real_time():
            await asyncio.sleep(0)
        return "done"

    assert asyncio.run(program()) == "done"


def test_an_exception_of_the_program_is_raised() -> None:
    async def program() -> None:
        await asyncio.sleep(1)
        raise LookupError("the program's")

    with pytest.raises(LookupError, match="the program's"):
        run_in_virtual_time(program())
