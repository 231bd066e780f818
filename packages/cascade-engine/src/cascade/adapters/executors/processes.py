"""`ProcessWorkers`: runs calls in worker processes that can be killed.

Each worker serves one call at a time over a pipe, so a call that takes too long or is cancelled is stopped by killing
its worker, and no other call is hurt: `concurrent.futures` breaks the whole pool in that case. Workers are started when
they are needed, by *spawn*: a fork of a process with threads can hang. A worker ends with the process that started it,
however that ends, also in the middle of a call: a durable run may be going on elsewhere by then.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any

from cascade.adapters.executors.shipping import pack_call, run_packed, unpack_outcome
from cascade.adapters.executors.threads import ThreadWorkers
from cascade.spec.errors import EngineClosedError, WorkerLostError
from cascade.spec.task import Task

_spawn = multiprocessing.get_context("spawn")


class ProcessWorkers:
    """A pool of worker processes that belongs to no event loop.

    Args:
        count: How many processes.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        # One thread a worker waits for its answer.
        self._threads = ThreadWorkers(count)
        self._idle: list[_Worker] = []
        self._lock = threading.Lock()
        self._is_closed = False

    async def call(
        self, task: Task[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], timeout_s: float | None
    ) -> Any:
        """Make a call in a worker process.

        Raises:
            NotShippableError: The function, an argument or the result cannot be sent.
            TaskTimeoutError: It took longer; its worker was killed.
            WorkerLostError: The worker ended by itself.
        """
        job = _Job(self, task.name, pack_call(task, args, kwargs))
        return unpack_outcome(await self._threads.call(task.name, job.run, timeout_s, job.stop))

    def close(self) -> None:
        """Stop all workers."""
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
        self._threads.close()
        for worker in idle:
            worker.kill()

    def _take(self) -> _Worker:
        with self._lock:
            if self._is_closed:
                raise EngineClosedError("the executor was closed; create a new engine, or close it later")
            if self._idle:
                return self._idle.pop()
        return _Worker()

    def _put_back(self, worker: _Worker) -> None:
        with self._lock:
            if not self._is_closed:
                self._idle.append(worker)
                return
        worker.kill()


class _Job:
    """One call on its way; `stop` may come from another thread at any moment."""

    def __init__(self, workers: ProcessWorkers, name: str, data: bytes) -> None:
        self._workers = workers
        self._name = name
        self._data = data
        self._worker: _Worker | None = None
        self._is_stopped = False
        self._lock = threading.Lock()

    def run(self) -> bytes:
        worker = self._workers._take()
        with self._lock:
            if self._is_stopped:
                self._workers._put_back(worker)
                raise WorkerLostError(f"task {self._name!r} was stopped before it began")
            self._worker = worker
        try:
            answer = worker.ask(self._data)
        except (EOFError, OSError) as error:
            worker.kill()
            raise WorkerLostError(
                f"task {self._name!r}: its worker process ended with exit code {worker.exit_code} before it answered. "
                "It was killed, ran out of memory, or could not start: a script that runs tasks of mode 'process' "
                'must call run() under `if __name__ == "__main__":`'
            ) from error
        with self._lock:
            self._worker = None
            was_killed = self._is_stopped  # in the moment of its answer
        if was_killed:
            worker.kill()
        else:
            self._workers._put_back(worker)
        return answer

    def stop(self) -> None:
        with self._lock:
            self._is_stopped = True
            if self._worker is not None:
                self._worker.begin_to_kill()


class _Worker:
    """A process and the pipe to it."""

    def __init__(self) -> None:
        self._connection, theirs = _spawn.Pipe()
        self._process = _spawn.Process(target=_serve, args=(theirs,), name="cascade worker", daemon=True)
        self._process.start()
        theirs.close()

    @property
    def exit_code(self) -> int | None:
        return self._process.exitcode

    def ask(self, data: bytes) -> bytes:
        self._connection.send_bytes(data)
        return self._connection.recv_bytes()

    def begin_to_kill(self) -> None:
        """From any thread: whoever waits for an answer gets an error, and calls `kill`."""
        self._process.kill()

    def kill(self) -> None:
        """Kill the process and close the pipe. Not while another thread uses it."""
        self._process.kill()
        self._process.join()
        with contextlib.suppress(OSError):
            self._connection.close()


def _serve(connection: Connection[bytes, bytes]) -> None:
    """The life of a worker process: answer calls until the pipe is closed."""
    # Ctrl-C reaches the whole process group; the parent decides what becomes of the workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, name="cascade parent", daemon=True).start()
    with contextlib.suppress(EOFError, OSError):
        while True:
            connection.send_bytes(run_packed(connection.recv_bytes()))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


__all__ = ["ProcessWorkers"]
