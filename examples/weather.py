"""A pipeline over services that fail: retries with growing pauses, timeouts, and a report of what could not be had.

The stations are pretended, so that the example needs no network: each fails a fixed number of times before it answers,
and one never does. All are asked at once; a failure that remains is a value in the list, and the pipeline goes on.

    cascade run examples/weather.py
    cascade run examples/weather.py --json
"""

from __future__ import annotations

import asyncio
from collections import Counter

from cascade import workflow as cs

STATIONS = {"Bergen": 7.5, "Kiruna": -9.0, "Malmö": 8.0, "Tampere": 1.5, "Uppsala": 4.0}
FAILURES = {"Bergen": 1, "Kiruna": 2, "Tampere": 99}

asked: Counter[str] = Counter()


@cs.task
async def ask(station: str) -> float:
    """Stands for a request over the network."""
    asked[station] += 1
    await asyncio.sleep(0.02)
    if asked[station] <= FAILURES.get(station, 0):
        raise ConnectionError(f"{station} does not answer")
    return STATIONS[station]


@cs.task
def report(stations: list[str], answers: list[float | cs.Failure]) -> str:
    known = {station: value for station, value in zip(stations, answers, strict=True) if isinstance(value, float)}
    lines = [f"{station:<10}{value:6.1f} °C" for station, value in known.items()]
    missing = ", ".join(station for station in stations if station not in known)
    return "\n".join([*lines, f"{'mean':<10}{sum(known.values()) / len(known):6.1f} °C", f"no answer: {missing}"])


stations = sorted(STATIONS)
patient = ask.with_retry(max_attempts=4, delay_s=0.05, backoff=2, retry_on=ConnectionError).with_timeout(1.0)
main = report(stations, patient.map(stations, on_error="continue"))

if __name__ == "__main__":
    print(cs.run(main))
