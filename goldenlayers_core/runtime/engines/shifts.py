"""Who of the workers does what: pieces to idle ones, again what a lost one had, and twice what a slow one holds up."""

import time
from collections import deque
from statistics import median
from typing import Any, Final

from goldenlayers_core.errors import EngineError
from goldenlayers_core.runtime.engines.actor import Actor
from goldenlayers_core.runtime.engines.slots import Slot, reason, unavailable

RESTARTS: Final = 3  # of a worker, by Ray
LOSSES: Final = 3  # of workers over one piece, or of one worker without any piece done
_LOOK: Final = 0.3  # seconds that one step waits
_PERIOD: Final = 1.0  # seconds between two questions to a worker how far it is
_OPENING: Final = 900.0  # seconds without any worker at hand
_SLOW: Final = 2.0  # times what a piece of this cost usually takes: another does it, too
_STOPPING: Final = 8.0  # seconds that workers may take to keep what they have


class Shifts:
    """The pieces of a crew and its workers. Call `step` until it is `over`, then `close`."""

    def __init__(self, ray: Any, asked: dict[str, Any]) -> None:
        self._ray, self._asked = ray, asked
        self._pieces = [piece["content"] for piece in asked["pieces"]]
        self._cost = [max(float(piece["cost"]), 1e-9) for piece in asked["pieces"]]
        order = sorted(range(len(self._pieces)), key=lambda i: (-self._cost[i], i))
        self._waiting = deque(order)  # the longest first: what is left at the end is short
        self._done: set[int] = set()
        self._losses = dict.fromkeys(order, 0)
        self._pace: list[float] = []  # seconds per unit of cost
        self._calls: dict[Any, tuple[Slot, str, int | None]] = {}
        self._ready = time.monotonic()  # when some worker was last at hand
        self.computed, self.notes = 0, list[str]()
        self._slots = [Slot(number, self._new()) for number in range(self._room())]
        for slot in self._slots:
            self._open(slot)

    @property
    def over(self) -> bool:
        """Whether every piece is done."""
        return len(self._done) == len(self._pieces)

    @property
    def share(self) -> float:
        """Of the work that is done, by cost."""
        at_work = {slot.piece: slot.answer.get("share", 0.0) for slot in self._slots if slot.piece is not None}
        done = sum(self._cost[i] for i in self._done)
        done += sum(self._cost[i] * float(share) for i, share in at_work.items() if i not in self._done)
        return done / sum(self._cost)

    @property
    def words(self) -> str:
        """What is going on; {} stands for what the crew does."""
        at_work = sum(slot.state == "busy" for slot in self._slots)
        if not at_work:
            return "Opening the model on the workers"
        return f"{{}} on {at_work} worker{'s' if at_work > 1 else ''}"

    def seen(self) -> list[dict[str, Any]]:
        """Every worker that did something, as `crew.Seen`."""
        return [
            {
                "node": slot.answer.get("node", ""),
                "pid": slot.answer.get("pid", 0),
                "pieces": slot.finished,
                "pss": slot.answer.get("pss", 0),
                "rss": slot.answer.get("rss", 0),
                "busy": slot.answer.get("busy", 0.0),
            }
            for slot in self._slots
            if slot.finished
        ]

    def step(self) -> None:
        """Take what came back, and give out what waits. Raises EngineError where it cannot go on."""
        calls = list(self._calls)
        ready = self._ray.wait(calls, num_returns=len(calls), timeout=_LOOK)[0] if calls else []
        if not calls:
            time.sleep(_LOOK)
        for call in ready:
            slot, what, piece = self._calls.pop(call)
            try:
                answer = self._ray.get(call)
            except self._ray.exceptions.RayError as error:
                if what != "state":
                    self._lost(slot, piece, error)
                continue
            getattr(self, f"_after_{what}")(slot, piece, answer)
        self._give_out()
        self._ask()
        self._check_hands()

    def close(self, stopped: bool) -> None:
        """Let the workers go; where the work is stopped, they keep what they have first."""
        if stopped:
            busy = [call for call, (_, what, _) in self._calls.items() if what == "do"]
            for slot in self._slots:
                if slot.state == "busy":
                    slot.actor.stop.remote()
            if busy:
                self._ray.wait(busy, num_returns=len(busy), timeout=_STOPPING)
        for slot in self._slots:
            self._ray.kill(slot.actor)

    # ---- workers

    def _room(self) -> int:
        needs = self._asked["resources"]
        there = self._ray.cluster_resources()
        room = int(there.get("CPU", 0) // needs["cpus"])
        if needs["gpus"]:
            room = min(room, int(there.get("GPU", 0) // needs["gpus"]))
        wanted = needs["workers"] or min(room, len(self._pieces))
        if wanted < 1:
            raise EngineError(
                f"The Ray cluster has {there.get('CPU', 0):g} CPUs and {there.get('GPU', 0):g} GPUs, and each worker "
                f"asks for {needs['cpus']} and {needs['gpus']}; add nodes, or ask for less."
            )
        return int(wanted)

    def _new(self) -> Any:
        needs = self._asked["resources"]
        variables = {"OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": str(needs["cpus"])}
        made = self._ray.remote(
            num_cpus=needs["cpus"],
            num_gpus=needs["gpus"],
            max_restarts=RESTARTS,
            max_task_retries=0,  # a piece that ends its worker is ours to count
            max_concurrency=2,  # a piece, and how far it is
            scheduling_strategy="SPREAD",
            runtime_env={"env_vars": variables},
        )(Actor)
        return made.remote()

    def _open(self, slot: Slot) -> None:
        asked = self._asked
        slot.state, slot.piece, slot.since, slot.answer = "opening", None, time.monotonic(), {}
        call = slot.actor.open.remote(
            asked["worker"], asked["what"], asked["resources"]["cpus"], asked["home"], asked["settings"]
        )
        self._calls[call] = (slot, "open", None)

    def _after_open(self, slot: Slot, _: int | None, answer: dict[str, Any]) -> None:
        if answer["state"] == "opened":
            slot.state, slot.answer = "idle", answer
            return
        if answer["state"] == "memory":
            self._failed_to_open(slot, "it ran out of memory")
            return
        slot.state = "gone"  # it will not change its mind
        self._note(f"A worker was refused: {answer['why']}")

    def _lost(self, slot: Slot, piece: int | None, error: Exception) -> None:
        """A worker's process ended, or its node."""
        why = reason(error)
        was_opening = slot.state == "opening" and piece is None
        if piece is not None and piece != slot.piece:
            return
        if not unavailable(error) or not was_opening:
            self._note(f"A worker was lost ({why}), and its part was done again.")
        self._again(slot, piece, why)
        if was_opening and not unavailable(error):
            self._failed_to_open(slot, why)
            return
        if not unavailable(error):  # Ray restarts it no more
            slot.actor = self._new()
        elif was_opening:
            time.sleep(_LOOK)  # it is being restarted
        self._open(slot)

    def _failed_to_open(self, slot: Slot, why: str) -> None:
        slot.losses += 1
        if slot.losses >= LOSSES:
            slot.state = "gone"
            self._note(f"A worker could not be started {LOSSES} times ({why}).")
            return
        slot.actor = self._new()
        self._open(slot)

    def _again(self, slot: Slot, piece: int | None, why: str) -> None:
        """A piece goes back in front. Raises EngineError where it has ended too many workers."""
        if piece is None or piece in self._done:
            return
        self._losses[piece] += 1
        if self._losses[piece] >= LOSSES:
            raise EngineError(
                f"{LOSSES} workers ended over the same part of the run (last: {why}); what was finished is in the "
                "store: give the workers more memory, or run that part on another machine."
            )
        slot.piece = None
        if piece not in self._waiting and not any(s.piece == piece for s in self._slots):
            self._waiting.appendleft(piece)

    def _check_hands(self) -> None:
        now = time.monotonic()
        if any(slot.state in ("idle", "busy") for slot in self._slots):
            self._ready = now
            return
        gone = all(slot.state == "gone" for slot in self._slots)
        if gone or now - self._ready > _OPENING:
            why = self.notes[-1] if self.notes else f"None was ready within {_OPENING:.0f} s."
            raise EngineError(f"No worker of the Ray cluster can do this run. {why}")

    def _note(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)

    # ---- pieces

    def _give_out(self) -> None:
        for slot in self._slots:
            if slot.state != "idle":
                continue
            piece = self._waiting.popleft() if self._waiting else self._held_up()
            if piece is None:
                return
            slot.state, slot.piece, slot.since = "busy", piece, time.monotonic()
            slot.answer = {**slot.answer, "share": 0.0}
            self._calls[slot.actor.do.remote(self._pieces[piece])] = (slot, "do", piece)

    def _held_up(self) -> int | None:
        """A piece that takes far longer than it should, and that nobody else has taken over yet."""
        if not self._pace:
            return None
        now, usual = time.monotonic(), median(self._pace)
        at_work = [slot.piece for slot in self._slots if slot.state == "busy"]
        slow = [
            (now - slot.since, slot.piece)
            for slot in self._slots
            if slot.piece is not None
            and at_work.count(slot.piece) == 1
            and now - slot.since > _SLOW * usual * self._cost[slot.piece] + _PERIOD
        ]
        return max(slow)[1] if slow else None

    def _after_do(self, slot: Slot, piece: int | None, answer: dict[str, Any]) -> None:
        assert piece is not None
        if answer["state"] == "unopened":
            if piece not in self._done and piece not in self._waiting:
                self._waiting.appendleft(piece)
            self._open(slot)
            return
        if answer["state"] == "memory":
            self._note("A worker ran out of memory, and its part was done again.")
            self._again(slot, piece, f"it ran out of memory: {answer['why']}")
            self._ray.kill(slot.actor)
            slot.actor = self._new()
            self._open(slot)
            return
        if answer["state"] != "done":
            raise EngineError(str(answer.get("why", "A worker was stopped from outside; run it again.")))
        self._pace.append(max(time.monotonic() - slot.since, 1e-3) / self._cost[piece])
        self.computed += int(answer["computed"]) if piece not in self._done else 0
        self._done.add(piece)
        slot.state, slot.piece, slot.losses, slot.answer = "idle", None, 0, answer
        slot.finished += 1

    def _ask(self) -> None:
        now = time.monotonic()
        asked = {slot.number for slot, what, _ in self._calls.values() if what == "state"}
        for slot in self._slots:
            if slot.state == "busy" and slot.number not in asked and now - slot.asked > _PERIOD:
                slot.asked = now
                self._calls[slot.actor.state.remote()] = (slot, "state", slot.piece)

    def _after_state(self, slot: Slot, piece: int | None, answer: dict[str, Any]) -> None:
        if slot.state == "busy" and slot.piece == piece:
            slot.answer = answer
