"""Programs for the static analysis; a comment says what is to be found in its line.

``#> loop:tail`` is a call of the task ``loop`` that is returned; other positions are ``part`` and
``operand``, joined by ``+`` where paths differ. An exclamation mark is a warning (``CS-W001``). Lines without a comment
have no call that counts. Every program begins with `HEAD`.
"""

from __future__ import annotations

HEAD = """\
import asyncio, contextlib, dataclasses, functools, typing
from cascade import workflow as cs
from cascade.workflow import task, Router
@cs.task
def add(a, b=0, *more, **named): return a
@cs.task
def test(n): return n > 0
@cs.task
def pick(n): return "a"
"""

PROGRAMS = {
    # --- Returned calls ---------------------------------------------------------------------------------------------
    "a call that is returned": """
        @cs.task
        def loop(n):
            if n == 0:
                return 0
            return loop(n - 1)  #> loop:tail
        """,
    "a conditional expression": """
        @cs.task
        def loop(n): return "done" if n <= 0 else loop(n - 1)  #> loop:tail
        """,
    "conditional expressions in each other": """
        @cs.task
        def loop(n):
            return (loop(1) if n else 2) if n > 5 else (3 if n else (loop(4)))  #> loop:tail loop:tail
        """,
    "a call in a condition is no call that counts": """
        @cs.task
        def loop(n):
            if loop(n) is None: pass
            return 1 if loop(n - 1) is None else 2
        """,
    "boolean operators": """
        @cs.task
        def loop(n): return n > 0 and loop(n - 1)  #> loop:tail
        """,
    "several variables": """
        @cs.task
        def loop(n):
            following = loop(n - 1)  #> loop:tail
            result = following
            return result
        """,
    "annotated, chained and unpacked assignments": """
        @cs.task
        def loop(n):
            a: int = loop(1)  #> loop:tail
            b = c = loop(2)  #> loop:tail
            d, (e, _) = loop(3), (loop(4), 5)  #> loop:tail loop:tail
            f, *g = loop(6), 7, loop(8)  #> loop:tail loop:tail
            return a if n == 1 else c if n == 2 else d if n == 3 else e if n == 4 else f if n == 5 else g[1]
        """,
    "a walrus": """
        @cs.task
        def loop(n):
            if (following := loop(n - 1)) is not None:  #> loop:tail
                return following
        """,
    "a variable that is assigned again": """
        @cs.task
        def loop(n):
            x = loop(n - 1)
            x = n
            return add(x, 1)  #> add:tail
        """,
    "a variable that is deleted": """
        @cs.task
        def loop(n):
            x = loop(n - 1)
            del x
            return x
        """,
    "branches that meet": """
        @cs.task
        def loop(n):
            if n > 10:
                x = loop(n - 1)  #> loop:tail
            elif n > 5:
                x = add(n)  #> add:tail
            else:
                x = None
            return x
        """,
    "a branch that returns does not reach what is behind it": """
        @cs.task
        def loop(n):
            x = 0
            if n:
                x = loop(n - 1)  #> loop:tail
                return x
            return add(x, 1)  #> add:tail
        """,
    "a while loop": """
        @cs.task
        def loop(n):
            x = None
            while n > 0:
                n -= 1
                if n == 3:
                    break
                if n == 4:
                    x = loop(n)  #> loop:tail
                    continue
                x = 1
            else:
                return x
            return 5
        """,
    "an endless loop is left by break only": """
        @cs.task
        def loop(n):
            x = loop(1)
            while True:
                x = loop(2)  #> loop:tail
                if n:
                    break
            return x
        """,
    "a for loop over tasks": """
        @cs.task
        def left(n): return right(n)  #> right:tail
        @cs.task
        def right(n):
            for each in (left, add):
                if n:
                    return each(n)  #> left:tail add:tail
        """,
    "an exception": """
        @cs.task
        def loop(n):
            try:
                x = loop(1)  #> loop:tail
                x = int("x")
            except ValueError as error:
                return x
            except (KeyError, TypeError):
                return loop(2)  #> loop:tail
            else:
                return loop(3)  #> loop:tail
            finally:
                print("end")
        """,
    "finally": """
        @cs.task
        def loop(n):
            try:
                return loop(1)  #> loop:tail
            finally:
                if n == 2:
                    return loop(2)  #> loop:tail
        """,
    "an exception group": """
        @cs.task
        def loop(n):
            try:
                int("x")
            except* ValueError:
                x = loop(n)  #> loop:tail
            return x
        """,
    "a context manager": """
        @cs.task
        def loop(n):
            with contextlib.suppress(KeyError), open("x") as file:
                return loop(n - 1)  #> loop:tail
        """,
    "a match statement": """
        @cs.task
        def loop(n):
            match n:
                case 0:
                    return 0
                case {"key": value, **rest} | [value, *rest] if value:
                    x = loop(value)  #> loop:tail
                case int() as number:
                    x = loop(number)  #> loop:tail
                case _:
                    x = add(n)  #> add:tail
            return x
        """,
    "a match statement that no case fits": """
        @cs.task
        def loop(n):
            x = loop(0)  #> loop:tail
            match n:
                case 1:
                    x = 1
            return x
        """,
    "a match that always fits": """
        @cs.task
        def loop(n):
            x = loop(0)
            match n:
                case 1:
                    x = 1
                case other:
                    x = 2
            return x
        """,
    "an async function": """
        @cs.task
        async def loop(n):
            async with asyncio.timeout(1):
                await asyncio.sleep(0)
            async for _ in n:
                return loop(n - 1)  #> loop:tail
            return await helper(n)
        async def helper(n): return loop(n - 2)  #> loop:tail
        """,
    "a lambda": """
        loop = cs.task(lambda n: loop(n - 1) if n else 0, name="loop")  #> loop:tail
        """,
    "lambdas in one line": """
        a, b = cs.task(lambda n: b(n), name="a"), cs.task(lambda n: n and a(n), name="b")  #> b:tail a:tail
        """,
    "a task with another name": """
        @cs.task(name="shown", version=2)
        def loop(n): return again(n - 1) if n else 0  #> shown:tail
        again = loop.with_retry(3)
        """,
    "the function behind a task": """
        def plain(n): return loop(n - 1) if n else 0  #> loop:tail
        loop = cs.task(plain, name="loop")
        """,
    # --- Modifiers ----------------------------------------------------------------------------------------------------
    "modifiers of the task": """
        @cs.task
        def loop(n): return loop.with_retry(3).named("again").with_timeout(5)(n - 1)  #> loop:tail
        """,
    "modifiers of the call": """
        @cs.task
        def loop(n):
            return (
                loop(n - 1)  #> loop:tail
                .with_retry(3)
                .with_cache(None)
                .with_constraints(gpu=1)
                .named("again")
            )
        """,
    "a modified task in a variable": """
        @cs.task
        def loop(n):
            careful = loop.with_retry(3)
            patient = careful.with_timeout
            return patient(5)(n - 1)  #> loop:tail
        """,
    "a condition": """
        @cs.task
        def loop(n): return loop(n - 1).run_if(test(n))  #> loop:tail test:operand
        """,
    "a condition that recurs": """
        @cs.task
        def loop(n): return add(n).run_if(loop(n - 1))  #> add:tail loop:operand!
        """,
    "an alternative": """
        @cs.task
        def loop(n): return add.run_if(test(n), otherwise=loop(n - 1))(n)  #> add:tail test:operand loop:tail
        """,
    "a predecessor": """
        @cs.task
        def loop(n): return loop(n - 1).after(add(n))  #> loop:tail add:operand
        """,
    "a predecessor that recurs": """
        @cs.task
        def loop(n):
            first = loop(n - 1)  #> loop:operand!
            return add(n).after(first)  #> add:tail
        """,
    "an amount that recurs": """
        @cs.task
        def loop(n): return add.with_constraints(gpu=loop(n - 1))(n)  #> add:tail loop:operand!
        """,
    # --- Composition --------------------------------------------------------------------------------------------------
    "a router": """
        @cs.task
        def loop(n):
            routes = {"a": loop(n - 1), "b": add(n)}  #> loop:tail add:tail
            return cs.Router(pick(n), routes, default=test(n))  #> pick:operand test:tail
        """,
    "a router inside of a call": """
        @cs.task
        def loop(n):
            return add(Router(selector=loop(n), routes={"a": loop(1)}), b=2)  #> add:tail loop:operand! loop:operand!
        """,
    "a sequence": """
        @cs.task
        def loop(n): return cs.sequence(add(n), test(n), loop(n - 1))  #> add:operand test:operand loop:tail
        """,
    "a sequence of one": """
        @cs.task
        def loop(n): return cs.sequence(loop(n - 1))  #> loop:tail
        """,
    "a pipeline": """
        @cs.task
        def loop(n): return cs.pipeline(n, add, test, loop)  #> add:operand test:operand loop:tail
        """,
    "a pipeline that goes on": """
        @cs.task
        def loop(n): return cs.pipeline(n, loop, add.with_retry(2))  #> loop:operand! add:tail
        """,
    "a map": """
        @cs.task
        def visit(n): return visit.map(range(n))  #> visit:part
        """,
    "a map whose value is used": """
        @cs.task
        def visit(n): return add(visit.map(range(n), max_in_flight=2))  #> add:tail visit:operand!
        """,
    "a map over calls": """
        @cs.task
        def visit(n): return add.map(visit(x) for x in range(n))  #> add:part visit:operand!
        """,
    "an item": """
        @cs.task
        def loop(n): return loop(n - 1)[0]  #> loop:operand!
        """,
    # --- Containers ---------------------------------------------------------------------------------------------------
    "containers": """
        @cs.task
        def loop(n):
            if n == 1: return [loop(n), *[loop(n), 3]]  #> loop:part loop:part
            if n == 2: return loop(n), 2  #> loop:part
            if n == 3: return {"k": loop(n), **{"l": loop(n)}, loop(n): 5}  #> loop:part loop:part loop:part
            if n == 4: return {loop(n)}  #> loop:part
            if n == 5: return [loop(x) for x in range(n) if x]  #> loop:part
            if n == 6: return {x: loop(x) for x in range(n)}  #> loop:part
            if n == 7: return tuple(loop(x) for x in range(n))  #> loop:part
            if n == 8: return [loop(n)] + [loop(n)] * 2  #> loop:part loop:part
            if n == 9: return dict(a=loop(n))  #> loop:part
            if n == 10: return list(map(loop, [1, 2]))  #> loop:part
        """,
    "the engine looks at the top level only": """
        @cs.task
        def loop(n):
            if n: return [[loop(n)], (x for x in [loop(n)])]
            return (loop(x) for x in range(n))
        """,
    "records": """
        @dataclasses.dataclass
        class State:
            value: object
            following: object = None
        class Pair(typing.NamedTuple):
            value: object
        class Other:
            def __init__(self, value): self.value = value
        @cs.task
        def loop(n):
            if n == 1: return State(n, following=loop(n - 1))  #> loop:part
            if n == 2: return Pair(loop(n - 1))  #> loop:part
            if n == 3: return dataclasses.replace(State(loop(1)), following=loop(2))  #> loop:part loop:part
            return Other(loop(n))
        """,
    "an item of a container": """
        @cs.task
        def loop(n):
            pair = loop(n - 1), n  #> loop:tail
            if n:
                return add(pair[1])  #> add:tail
            table = {"a": loop(n), "b": 3}  #> loop:operand!
            return pair[-2] if n else add(table["a"], table["b"])  #> add:tail
        """,
    "a container that grows": """
        @cs.task
        def visit(n):
            results, others, named = [], list(), {}
            for child in range(n):
                results.append(visit(child))  #> visit:operand!
                others += [visit(child)]  #> visit:operand!
                named["k"] = visit(child)  #> visit:operand!
            others.extend([visit(2)])  #> visit:operand!
            return add(results, others, named)  #> add:tail
        """,
    "items of a container by iteration": """
        @cs.task
        def visit(n):
            calls = [visit(n), visit(n)]  #> visit:operand! visit:operand!
            total = None
            for number, call in enumerate(calls):
                total = add(total, call)  #> add:tail+operand
            return total
        """,
    # --- Arguments ----------------------------------------------------------------------------------------------------
    "the classic": """
        @cs.task
        def fib(n): return n if n < 2 else add(fib(n - 1), fib(n - 2))  #> add:tail fib:operand! fib:operand!
        """,
    "an argument in a variable": """
        @cs.task
        def fib(n):
            left = fib(n - 1) if n else 0  #> fib:operand!
            right = add(n)  #> add:operand
            return add(left, b=right)  #> add:tail
        """,
    "deep in an argument": """
        @cs.task
        def loop(n):
            table = {"k": [(loop(n - 1),)]}  #> loop:operand!
            return add(table, *[loop(1)], **{"a": loop(2)})  #> add:tail loop:operand! loop:operand!
        """,
    "an argument of itself": """
        @cs.task
        def loop(n): return loop(loop(n - 1))  #> loop:tail loop:operand!
        """,
    "returned on one path and an argument on another": """
        @cs.task
        def loop(n):
            call = loop(n - 1)  #> loop:tail+operand!
            return call if n else add(call)  #> add:tail
        """,
    "an argument of a call that goes nowhere": """
        @cs.task
        def loop(n):
            add(loop(n - 1))
            print(loop(n), [loop(n)])
            cs.run(add(loop(n)))
            return n
        """,
    "others have arguments, too": """
        @cs.task
        def outer(n): return add(inner(n), n)  #> add:tail inner:operand
        @cs.task
        def inner(n): return n
        """,
    # --- Through each other -------------------------------------------------------------------------------------------
    "mutual recursion": """
        @cs.task
        def even(n): return True if n == 0 else odd(n - 1)  #> odd:tail
        @cs.task
        def odd(n): return False if n == 0 else even(n - 1)  #> even:tail
        """,
    "mutual recursion with an argument": """
        @cs.task
        def up(n): return add(down(n - 1))  #> add:tail down:operand!
        @cs.task
        def down(n): return up(n)  #> up:tail
        """,
    "a call into a cycle from outside": """
        @cs.task
        def start(n): return add(loop(n))  #> add:tail loop:operand
        @cs.task
        def loop(n): return loop(n - 1) if n else 0  #> loop:tail
        """,
    # --- Names --------------------------------------------------------------------------------------------------------
    "tables of tasks": """
        @cs.task
        def loop(n):
            if n == 1: return TABLE["next"](n) if n else LIST[0](n)  #> loop:tail loop:tail
            return TABLE[n](n)  #> loop:tail add:tail
        TABLE = {"next": loop, 1: add}
        LIST = [loop]
        """,
    "attributes": """
        class Space: pass
        space = Space()
        space.inner = Space()
        @cs.task
        def loop(n): return space.inner.again(n - 1)  #> loop:tail
        space.inner.again = loop
        """,
    "a local name hides a global one": """
        @cs.task
        def loop(n):
            def other(loop): return loop(n)
            loop = abs
            return loop(n - 1)
        """,
    "a parameter is unknown": """
        @cs.task
        def loop(n, add=add): return add(loop(n - 1))
        """,
    "a name of a comprehension is its own": """
        @cs.task
        def loop(n):
            numbers = [loop for loop in range(n)]
            return loop(numbers)  #> loop:tail
        """,
    "a global declaration": """
        @cs.task
        def loop(n):
            global counter, loop
            counter = 1
            return loop(n - 1)  #> loop:tail
        """,
    "an unknown function may do anything with a call": """
        @cs.task
        def loop(n, function): return add(function(loop(n - 1)))  #> add:tail
        """,
    "an import inside": """
        @cs.task
        def loop(n):
            from somewhere import loop
            return loop(n - 1)
        """,
    # --- Functions ----------------------------------------------------------------------------------------------------
    "a function of the program": """
        def following(n): return loop(n - 1)  #> loop:tail
        def twice(x): return add(x, x)  #> add:tail
        @cs.task
        def loop(n): return following(n) if n else twice(loop(n))  #> loop:operand!
        """,
    "a function with all kinds of parameters": """
        def choose(a, /, b, *c, d, e=3, **f): return (a, b, c[0], d, f["g"])[e]
        @cs.task
        def loop(n):
            two = loop(1), loop(2)  #> loop:tail loop:tail
            return choose(0, *two, d=loop(3), g=loop(4))  #> loop:tail loop:tail
        """,
    "functions that call each other": """
        def ping(n): return pong(n) if n else loop(n)  #> loop:tail
        def pong(n): return ping(n)
        @cs.task
        def loop(n): return ping(n)
        """,
    "functions inside": """
        @cs.task
        def loop(n):
            def following(k=n): return loop(k)  #> loop:tail
            also = lambda k, call=loop(2): call  #> loop:tail
            return following() if n else also(n)
        """,
    "a task inside": """
        @cs.task
        def loop(n):
            @cs.task
            def inner(x): return loop(x)
            @cs.task(name="other")
            def other(x): return x
            return inner(loop(n - 1)) if n else add(other(loop(n - 1)))  #> loop:operand! loop:operand! add:tail
        """,
    "partials": """
        again = functools.partial(lambda a, b: loop(b), 1)  #> loop:tail
        @cs.task
        def loop(n):
            local = functools.partial(loop, n - 1)
            return again(n) if n else local()  #> loop:tail
        """,
    "a task of a partial": """
        def step(first, n): return loop(first) if n else 0  #> loop:tail
        loop = cs.task(functools.partial(step, 1), name="loop")
        """,
    "a decorated function": """
        def logged(function):
            @functools.wraps(function)
            def wrapper(*args): return function(*args)
            return wrapper
        @cs.task
        @logged
        def loop(n): return loop(n - 1)  #> loop:tail
        """,
    "functions of the standard library that only pass on": """
        @cs.task
        def visit(n):
            if n == 1: return functools.reduce(add, map(visit, range(n)), 0)  #> add:tail+operand visit:operand!
            if n == 2: return add(*[call for _, call in zip([1], [visit(1)])])  #> add:tail visit:operand!
            return functools.reduce(lambda a, b: add(a, b), [visit(1)])  #> add:tail+operand visit:operand!
        """,
    "a cast": """
        @cs.task
        def loop(n): return typing.cast(int, loop(n - 1))  #> loop:tail
        """,
    "a generator is no function that returns calls": """
        def several(n):
            yield loop(n)
            return loop(n)
        @cs.task
        def loop(n): return several(n)
        """,
    # --- Methods ------------------------------------------------------------------------------------------------------
    "methods": """
        class Agent:
            @cs.task
            def think(self, n): return self.act(n) if n else self.helper(n)  #> act:tail
            @cs.task
            def act(self, n): return add(self.think(n - 1))  #> add:tail think:operand!
            def helper(self, n): return self.think(n)  #> think:tail
            @cs.task
            @staticmethod
            def fixed(n): return Agent.fixed(n - 1)  #> fixed:tail
            @cs.task
            @classmethod
            def made(cls, n): return cls.made(n - 1) if n else agent.think(n)  #> made:tail think:tail
        agent = Agent()
        TASKS = [Agent.think, Agent.act, Agent.fixed, Agent.made.base]
        """,
    "methods of a class inside a function": """
        def make():
            class Agent:
                @cs.task
                def think(self, n): return self.think(n - 1) if n else self.act(n)  #> think:tail
                @cs.task
                def act(self, n): return self.think(n)
            return Agent
        TASKS = [make().think, make().act]
        """,
    "tasks inside a function": """
        def make():
            @cs.task
            def loop(n): return add(loop(n - 1)) if n else other(n)  #> add:tail loop:operand! other:tail
            @cs.task
            def other(n): return loop(n)  #> loop:tail
            return loop, other
        TASKS = make()
        """,
    "a callable object": """
        class Step:
            def __call__(self, n): return loop(n - 1) if n else self.other(n)  #> loop:tail
            def other(self, n): return add(n)  #> add:tail
        loop = cs.task(Step(), name="loop")
        """,
    "a bound method": """
        class Step:
            def run(self, n): return self.other(n)
            def other(self, n): return loop(n)  #> loop:tail
        loop = cs.task(Step().run, name="loop")
        """,
}
