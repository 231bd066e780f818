"""Tasks of mode ``process``: shipped by name, with their exceptions, context, timeouts and deaths."""

from __future__ import annotations

import asyncio
import contextvars
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cascade import workflow as cs
from cascade.adapters.executors.local import LocalExecutor
from cascade.adapters.executors.processes import ProcessWorkers, _Job, _Worker
from cascade.adapters.executors.shipping import Reference, resolve
from tests.support.running import run_script, write_script

pytestmark = pytest.mark.slow

where: contextvars.ContextVar[str] = contextvars.ContextVar("where", default="nowhere")


class Refused(Exception):
    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code


@dataclass(frozen=True)
class Frozen(Exception):
    code: int


@cs.task(mode="process")
def process_id() -> int:
    return os.getpid()


@cs.task(mode="process")
def add(a: int, b: int = 10) -> int:
    return a + b


@cs.task(mode="process")
def countdown(n: int) -> str:
    return "done" if n == 0 else countdown(n - 1)


@cs.task(mode="process")
def refuse(code: int) -> None:
    raise Refused(code, "not today")


@cs.task(mode="process")
def refuse_for_good(code: int) -> None:
    raise Frozen(code)


@cs.task(mode="process")
def give_a_lock() -> Any:
    return threading.Lock()


@cs.task(mode="process")
def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@cs.task(mode="process")
def leave() -> None:
    os._exit(3)


@cs.task(mode="process")
def sleep_long(file: str) -> Any:
    Path(file).write_text(str(os.getpid()), encoding="utf-8")
    time.sleep(600)


@cs.task(mode="process")
def read_context() -> str:
    return where.get()


class Account:
    def __init__(self, balance: int) -> None:
        self.balance = balance

    @cs.task(mode="process")
    def after(self, amount: int) -> int:
        return self.balance + amount

    @staticmethod
    @cs.task(mode="process")
    def name() -> str:
        return "account"


@pytest.fixture(scope="module")
def engine() -> Iterator[cs.Engine]:
    with cs.Engine(executor=LocalExecutor(processes=2)) as engine:
        yield engine


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_task_runs_in_another_process(engine: cs.Engine) -> None:
    assert cs.run(process_id(), engine=engine) != os.getpid()


def test_arguments_and_results_go_through(engine: cs.Engine) -> None:
    assert cs.run([add(1), add(1, b=2), add(add(1), add(2))], engine=engine) == [11, 3, 23]


def test_a_tail_call_of_a_process_task_goes_on(engine: cs.Engine) -> None:
    assert cs.run(countdown(3), engine=engine) == "done"


def test_methods_and_static_methods_are_found(engine: cs.Engine) -> None:
    assert cs.run([Account(5).after(2), Account.name()], engine=engine) == [7, "account"]


def test_an_exception_comes_back_with_its_type_its_fields_and_the_remote_traceback(engine: cs.Engine) -> None:
    with pytest.raises(Refused) as caught:
        cs.run(refuse(7), engine=engine)
    assert (caught.value.code, caught.value.args) == (7, (7, "not today"))
    assert any("in refuse" in note for note in caught.value.__notes__)


def test_an_exception_that_takes_no_note_and_cannot_be_sent_is_named(engine: cs.Engine) -> None:
    with pytest.raises(cs.NotShippableError, match=r"'refuse_for_good' of mode 'process' raised Frozen\(code=7\)"):
        cs.run(refuse_for_good(7), engine=engine)


def test_context_variables_reach_the_worker(engine: cs.Engine) -> None:
    context = contextvars.copy_context()
    context.run(where.set, "in the test")
    assert context.run(cs.run, read_context(), engine=engine) == "in the test"
    assert cs.run(read_context(), engine=engine) == "nowhere"


def test_a_lambda_is_refused_with_its_name(engine: cs.Engine) -> None:
    task: Any = cs.task(mode="process", name="my lambda")(lambda: 1)
    with pytest.raises(cs.NotShippableError, match=r"'my lambda'.*top level of a module"):
        cs.run(task(), engine=engine)


def test_a_closure_is_refused_with_its_name(engine: cs.Engine) -> None:
    @cs.task(mode="process")
    def inner() -> int:
        return 1

    with pytest.raises(cs.NotShippableError, match=r"'inner'.*test_a_closure_is_refused.*<locals>\.inner"):
        cs.run(inner(), engine=engine)


def test_an_argument_that_cannot_be_sent_is_named(engine: cs.Engine) -> None:
    with pytest.raises(cs.NotShippableError, match="'add' of mode 'process': argument 'b' cannot be pickled"):
        cs.run(add(1, b=threading.Lock()), engine=engine)  # type: ignore[arg-type]


def test_a_result_that_cannot_be_sent_is_named(engine: cs.Engine) -> None:
    with pytest.raises(cs.NotShippableError, match="'give_a_lock' of mode 'process' returned a lock"):
        cs.run(give_a_lock(), engine=engine)


@pytest.mark.parametrize(("task", "code"), [(die, -9), (leave, 3)], ids=["killed", "left"])
def test_a_worker_that_dies_is_an_error_that_says_how(task: cs.Task[[], None], code: int, engine: cs.Engine) -> None:
    with pytest.raises(cs.WorkerLostError, match=f"{task.name!r}.*exit code {code}"):
        cs.run(task(), engine=engine)
    assert cs.run(add(1), engine=engine) == 11, "the pool goes on"


def test_a_lost_worker_can_be_retried(engine: cs.Engine) -> None:
    with pytest.raises(cs.WorkerLostError):
        cs.run(die.with_retry(2, retry_on=cs.WorkerLostError)(), engine=engine)


def test_a_timeout_kills_the_worker(engine: cs.Engine, tmp_path: Path) -> None:
    cs.run(process_id(), engine=engine)  # a worker has been started: the timeout measures the call alone
    file = tmp_path / "process"
    with pytest.raises(cs.TaskTimeoutError, match="'sleep_long' took longer than its timeout of 1 s"):
        cs.run(sleep_long(str(file)).with_timeout(1), engine=engine)
    assert not is_alive(int(file.read_text(encoding="utf-8")))
    assert cs.run(add(1), engine=engine) == 11


def test_a_cancelled_call_kills_its_worker_and_no_other(engine: cs.Engine, tmp_path: Path) -> None:
    file = tmp_path / "process"

    async def program() -> list[int]:
        running = asyncio.ensure_future(engine.run(sleep_long(str(file))))
        while not (file.exists() and file.read_text(encoding="utf-8")):  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        beside = asyncio.ensure_future(engine.run([add(1), add(2)]))
        running.cancel()
        await asyncio.wait({running})
        assert running.cancelled()
        return await beside

    assert asyncio.run(program()) == [11, 12]
    assert not is_alive(int(file.read_text(encoding="utf-8")))


ORPHAN = """
import time
from cascade import workflow as cs

@cs.task(mode="process")
def work_long() -> None:
    print("begun", flush=True)
    time.sleep(100)

if __name__ == "__main__":
    cs.run(work_long())
"""


def test_a_worker_in_the_middle_of_a_call_ends_with_the_process_that_was_killed(tmp_path: Path) -> None:
    script = tmp_path / "orphan.py"
    script.write_text(ORPHAN, encoding="utf-8")
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "begun\n"
        program.kill()
        # The worker has the other end of the pipe, too: only when it has ended there is nothing more to read.
        assert program.communicate(timeout=60)[0] == ""


def test_a_worker_that_is_stopped_in_the_moment_of_its_answer_is_not_used_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workers = ProcessWorkers(1)
    begun: list[_Job] = []
    run, ask = _Job.run, _Worker.ask

    def begin(job: _Job) -> bytes:
        begun.append(job)
        return run(job)

    def ask_and_be_late(worker: _Worker, data: bytes) -> bytes:
        answer = ask(worker, data)
        if len(begun) == 1:
            begun[0].stop()
        return answer

    monkeypatch.setattr(_Job, "run", begin)
    monkeypatch.setattr(_Worker, "ask", ask_and_be_late)

    async def program() -> list[Any]:
        return [await workers.call(add.base, (number,), {}, None) for number in (1, 2)]

    assert asyncio.run(program()) == [11, 12]
    workers.close()


def test_closing_an_engine_ends_its_workers() -> None:
    with cs.Engine(executor=LocalExecutor(processes=1)) as engine:
        worker = cs.run(process_id(), engine=engine)
        assert is_alive(worker)
    multiprocessing.active_children()  # reaps those that have ended
    assert not is_alive(worker)


MAIN = """
    from dataclasses import dataclass
    from cascade import workflow as cs

    @dataclass
    class Point:
        x: int

    class Broken(Exception):
        pass

    @cs.task(mode="process")
    def move(point: Point, by: int) -> Point:
        if by < 0:
            raise Broken(by)
        return Point(point.x + by)

    @cs.task(mode="process")
    def countdown(n):
        return "done" if n == 0 else countdown(n - 1)

    if __name__ == "__main__":
        print(cs.run(move(move(Point(1), 2), by=3)), cs.run(countdown(2)))
        try:
            cs.run(move(Point(1), -1))
        except Broken as error:
            print("Broken", error)
"""


def test_tasks_of_a_main_script_run_in_processes(tmp_path: Path) -> None:
    assert run_script(tmp_path, MAIN).splitlines() == ["Point(x=6) done", "Broken -1"]


def test_a_main_script_without_its_guard_gets_an_error_that_says_so(tmp_path: Path) -> None:
    source = """
        from cascade import workflow as cs

        @cs.task(mode="process")
        def one():
            return 1

        try:
            print(cs.run(one()))
        except cs.WorkerLostError as error:
            print(error)
    """
    assert 'if __name__ == "__main__":' in run_script(tmp_path, source)


@pytest.mark.skipif(sys.platform == "win32", reason="its file names are no module names")
def test_tasks_of_a_module_that_was_loaded_from_a_path_run_in_processes(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "plugin_module.py").write_text(
        "from cascade import workflow as cs\n\n@cs.task(mode='process')\ndef one():\n    return 1\n", encoding="utf-8"
    )
    source = """
        import importlib.util, sys
        from pathlib import Path
        from cascade import workflow as cs

        if __name__ == "__main__":
            file = Path(__file__).parent / "elsewhere" / "plugin_module.py"
            spec = importlib.util.spec_from_file_location("plugin_module", file)
            module = importlib.util.module_from_spec(spec)
            sys.modules["plugin_module"] = module
            spec.loader.exec_module(module)
            print(cs.run(module.one()))
    """
    assert run_script(tmp_path, source).strip() == "1"


def test_a_module_that_could_not_be_loaded_is_loaded_again_for_the_next_call(tmp_path: Path) -> None:
    file = write_script(tmp_path, "raise LookupError('not yet')", "loaded_from_a_path.py")
    for _ in range(2):
        with pytest.raises(LookupError, match="not yet"):
            resolve(Reference("loaded_from_a_path", "f", str(file)))
