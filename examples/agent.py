"""An agent: a model that thinks, uses tools, and thinks again until it knows the answer.

Each round is one step. The model asks for any number of tools at once, and they run in parallel; `use` is a router, so
only the tool that is asked for starts. The round ends with the call of the next one, so an agent may go on for ever.
The model here is three rules, so that the example needs no key and gives the same answer every time.

    cascade run examples/agent.py
    cascade run examples/agent.py --param "question=Oslo Helsinki"
"""

from __future__ import annotations

from dataclasses import dataclass

from cascade import workflow as cs

INHABITANTS = {"Copenhagen": 667_000, "Helsinki": 684_000, "Oslo": 717_000, "Stockholm": 995_000}


@dataclass(frozen=True)
class Request:
    """What the model wants to be done."""

    tool: str
    argument: str


@dataclass(frozen=True)
class Thought:
    """What the model said: its requests, and its answer if it has none."""

    requests: list[Request]
    answer: str


@dataclass(frozen=True)
class Memory:
    question: str
    notes: list[str]


@cs.task
def think(memory: Memory) -> Thought:
    """Stands for a language model."""
    if not memory.notes:
        cities = [word for word in memory.question.split() if word in INHABITANTS]
        return Thought([Request("look up", city) for city in cities], answer="I know none of these cities")
    if not memory.notes[-1].startswith("sum"):
        return Thought([Request("add", " ".join(note.split()[-1] for note in memory.notes))], answer="")
    return Thought([], answer=f"{memory.notes[-1].split()[-1]} people")


@cs.task
def look_up(city: str) -> str:
    return f"{city}: {INHABITANTS[city]}"


@cs.task
def add(numbers: str) -> str:
    return f"sum: {sum(map(int, numbers.split()))}"


@cs.task
def use(request: Request) -> str:
    tools = {"look up": look_up(request.argument), "add": add(request.argument)}
    return cs.Router(request.tool, tools)


@cs.task
def remember(memory: Memory, found: list[str]) -> Memory:
    return Memory(memory.question, memory.notes + found)


@cs.task
def decide(memory: Memory, thought: Thought) -> str:
    """The end, or the next round."""
    if not thought.requests:
        return "\n".join([*memory.notes, thought.answer])
    return work(remember(memory, use.map(thought.requests)))


@cs.task
def work(memory: Memory) -> str:
    return decide(memory, think(memory))


question = cs.Param("question", default="Stockholm Oslo Copenhagen", description="Whose inhabitants are counted.")
main = work(Memory(question, []))

if __name__ == "__main__":
    print(cs.run(main))
