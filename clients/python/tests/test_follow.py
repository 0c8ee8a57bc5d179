"""Following: every event once and in order, over restarts, resets and broken streams."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator

import pytest

import milepost
from milepost import CaughtUp, Disconnected, End, Reset, SnapshotUpdate
from milepost._position import Position
from milepost._sse import Decoder, Frame

from .conftest import Server, eventually
from .test_fold import comparable


def frames(*pieces: bytes) -> list[Frame]:
    decoder = Decoder()
    return [frame for piece in pieces for frame in decoder.feed(piece)]


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"])
def test_lines_end_in_any_way_and_break_anywhere(ending: bytes):
    text = ending.join(
        [b": hi", b"id: 1-1", "data: ü\u2028x".encode(), b"", b"event: end", b"data:a", b"data: b", b"", b""]
    )
    expected = [Frame("", "ü\u2028x", "1-1"), Frame("end", "a\nb", None)]
    assert frames(text) == expected
    assert frames(*(bytes([byte]) for byte in text)) == expected


def test_lone_ids_and_comments():
    assert frames(b": comment\n\n", b"id: 1-7\n\n", b"retry: 3\n\n", b"data\n\n") == [
        Frame("", "", "1-7"),
        Frame("", "", None),
    ]


def event(seq: int, coalesced: int | None = None, stream: str = "r", epoch: str = "e") -> Frame:
    body = {
        "seq": seq,
        "stream": stream,
        "run": stream,
        "type": "run.progressed",
        "time": "t",
        "id": f"i{seq}",
        "data": {},
    }
    if coalesced is not None:
        body["coalesced"] = {"from": coalesced}
    return Frame("", json.dumps(body), f"{epoch}-{seq}")


def position(after: str | int | None = 0, *, filtered: bool = False) -> Position:
    return Position("r", "default", after, filtered=filtered)


def test_gaps_are_noticed():
    here = position()
    assert [update.seq for update in here.take(event(1)) if isinstance(update, milepost.Event)] == [1]
    assert list(here.take(event(1))) == []  # known already
    assert len(list(here.take(event(4, coalesced=2)))) == 1
    with pytest.raises(milepost.Unreachable, match="missing"):
        list(here.take(event(6)))
    with pytest.raises(milepost.Unreachable, match="missing"):
        list(here.take(event(5, epoch="f")))
    with pytest.raises(milepost.Unreachable, match="missing"):
        list(here.take(Frame("caught_up", "{}", "e-9")))
    assert here.query() == {"after": "e-4"}


def test_filters_and_parts_cannot_count():
    here = position(filtered=True)
    list(here.take(event(3)))
    list(here.take(Frame("", "", "e-7")))
    assert here.cursor == "e-7"
    part = position("e-2")
    list(part.take(event(9, stream="root")))
    list(part.take(Frame("end", "{}", "e-12")))
    assert part.cursor == "e-12"


def test_cursors():
    assert position(None).query() == {}
    assert position(0).query() == {"from": "start"}
    assert position("e-5").query() == {"after": "e-5"}
    with pytest.raises(ValueError, match="zz"):
        position("zz")


def test_a_follower_begins_with_a_snapshot_and_ends_with_the_run(client: milepost.Client):
    with client.run(id="f1") as run:
        run.event("x.before")
        updates = client.follow(run).updates()
        first = next(updates)
        assert isinstance(first, SnapshotUpdate)
        assert isinstance(next(updates), CaughtUp)
        run.event("x.after")
    rest = list(updates)
    assert [update.type for update in rest if isinstance(update, milepost.Event)] == ["x.after", "run.completed"]
    assert isinstance(rest[-1], End)
    again = list(client.follow("f1", after=rest[-1].cursor).updates())
    assert [type(update) for update in again] == [End]  # 204


def test_the_fold_is_that_of_the_server(client: milepost.Client):
    follower = client.follow("f2", after=0)
    with client.run(id="f2", expected_children=3) as run:
        for number in range(3):
            with run.step(f"step {number}") as step:
                for done in range(20):
                    step.progress(done, 20, "files", message=f"file {done}")
                step.state("n", number)
                step.message("hello")
        run.artifact("a", "text")
    client.flush()
    list(follower)
    mine = follower.snapshot()
    assert mine is not None
    assert comparable(mine) == comparable(client.snapshot("f2"))


def test_filters(client: milepost.Client):
    with client.run(id="f3") as run:
        run.event("x.a")
        run.event("x.b")
        run.progress(1, 1)
    client.flush()
    kinds = [event.type for event in client.follow("f3", after=0, types=["x.b", "run.completed"])]
    assert kinds == ["x.b", "run.completed"]


def test_a_part_is_followed_to_the_end_of_the_tree(client: milepost.Client):
    with client.run(id="f4") as run:
        with run.step("a", id="f4.a") as step:
            step.event("x.a")
        run.event("x.not-yours")
    client.flush()
    assert [event.type for event in client.follow("f4.a", after=0)] == [
        "run.created",
        "run.started",
        "x.a",
        "run.completed",
    ]


def test_refusals_are_raised(client: milepost.Client):
    with pytest.raises(milepost.Refused) as refused:
        list(client.follow("nobody"))
    assert refused.value.code == "run_not_found"


def test_followers_outlive_the_server(own_server: Server):
    own_server.start()
    client = milepost.Client(own_server.url)
    seen: list[int] = []
    others: list[type] = []

    def follow() -> None:
        for update in client.follow("f5", after=0).updates():
            if isinstance(update, milepost.Event):
                seen.append(update.seq)
            else:
                others.append(type(update))

    with client.run(id="f5") as run:
        client.flush()
        thread = threading.Thread(target=follow)
        thread.start()
        for round_ in range(3):
            for number in range(100):
                run.event("x.n", {"n": number})
            expected = (round_ + 1) * 60
            eventually(lambda expected=expected: len(seen) >= expected)  # type: ignore[misc]
            own_server.kill()
            own_server.start()
    assert client.flush(20)
    thread.join(20)
    assert not thread.is_alive()
    assert seen == list(range(1, len(seen) + 1))
    assert Disconnected in others
    assert others[-1] is End
    client.close()


def test_a_stream_that_was_made_again_is_reset(client: milepost.Client):
    with client.run(id="f6"):
        pass
    client.flush()
    old = client.snapshot("f6")["cursor"]
    client._call("DELETE", "runs", "f6")
    with client.run(id="f6") as run:
        run.event("x.new")
    client.flush()
    follower = client.follow("f6", after=old)
    updates = list(follower.updates())
    assert isinstance(updates[0], Reset)
    assert updates[0].reason == "epoch"
    assert isinstance(updates[1], SnapshotUpdate)
    assert isinstance(updates[-1], End)
    mine = follower.snapshot()
    assert mine is not None
    assert mine["state"] == "completed"


def test_async_followers(server: Server):
    async def work() -> list[str]:
        async with milepost.AsyncClient(server.url) as client:
            kinds: list[str] = []

            async def follow(run: milepost.Run) -> None:
                async for event in client.follow(run, after=0):
                    kinds.append(event.type)

            async with client.run(id="f7") as run:
                following = asyncio.create_task(follow(run))
                run.event("x.a")
            await asyncio.wait_for(following, 20)
            # Leaving early is fine.
            async for _ in client.follow("f7", after=0):
                break
            return kinds

    assert asyncio.run(work()) == ["run.created", "run.started", "x.a", "run.completed"]


def test_leaving_early_closes_the_connection(client: milepost.Client):
    with client.run(id="f8") as run:
        run.event("x.a")
        client.flush()
        iterator: Iterator[milepost.Event] = iter(client.follow("f8", after=0))
        assert next(iterator).type == "run.created"
        iterator.close()  # type: ignore[attr-defined]
