"""The progress bar, with the calls that people make of tqdm."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import tqdm

import milepost
from milepost import track, trange

from .conftest import Server


def shown(client: milepost.Client, bar: track[int]) -> milepost.RunInfo:
    client.flush()
    assert bar.run is not None
    return client.snapshot(bar.run.id)["runs"][0]


def test_an_iteration_is_a_run(client: milepost.Client):
    bar = track(range(10), "Reading", unit="rows", client=client)
    assert len(bar) == 10
    assert list(bar) == list(range(10))
    info = shown(client, bar)
    assert (info["state"], info["name"], info["stage"]) == ("completed", "Reading", "Reading")
    progress = info["progress"]
    assert (progress["current"], progress["total"], progress["unit"]) == (10, 10, "rows")


def test_bars_nest_below_the_run(client: milepost.Client):
    with client.run() as run:
        for _ in trange(2, desc="outer"):
            for _ in track([1, 2, 3], desc="inner"):
                pass
    client.flush()
    names = [found["name"] for found in client.snapshot(run.id)["runs"]]
    assert names == [None, "outer", "inner", "inner"]
    assert {found["state"] for found in client.snapshot(run.id)["runs"]} == {"completed"}


def test_generators_have_no_total(client: milepost.Client):
    bar: track[int] = track((number for number in range(3)), client=client)
    with pytest.raises(TypeError):
        len(bar)
    assert list(bar) == [0, 1, 2]
    assert shown(client, bar)["progress"]["total"] is None


def test_updates_by_hand(client: milepost.Client):
    bar: track[int]
    with track(total=100, desc="Loading", client=client) as bar:
        bar.update(40)
        bar.set_postfix(loss=0.12345, step=3)
        bar.set_description("Saving")
        bar.update(60)
        bar.n, bar.total = 150, 200
        bar.refresh()
    info = shown(client, bar)
    assert (info["stage"], info["message"], info["progress"]["current"]) == ("Saving", "loss=0.123, step=3", 150)


def test_exceptions_fail_and_breaks_do_not(client: milepost.Client):
    broken = track(range(3), client=client)
    with pytest.raises(KeyError), broken:
        raise KeyError("x")
    assert shown(client, broken)["state"] == "failed"
    left = track(range(3), client=client)
    for _ in left:
        break
    del _
    info = shown(client, left)
    assert (info["state"], info["progress"]["current"]) in (("completed", 0), ("running", 0))
    left.close()


def test_reset_and_disable(client: milepost.Client):
    bar: track[int] = track(total=5, client=client)
    bar.update(4)
    client.flush()
    bar.reset(total=3)
    bar.update(1)
    info = shown(client, bar)
    assert (info["attempt"], info["progress"]["current"], info["progress"]["total"]) == (2, 1, 3)
    bar.close()
    assert shown(client, bar)["state"] == "completed"
    off = track(range(3), disable=True)
    assert list(off) == [0, 1, 2]
    assert off.run is None


def test_what_tqdm_takes_is_taken():
    """Every parameter of tqdm, so that replacing it is changing an import."""
    parameters = [name for name in inspect.signature(tqdm.tqdm.__init__).parameters if name not in ("self", "kwargs")]
    options: dict[str, Any] = dict.fromkeys(parameters) | {"iterable": [1], "disable": True, "unit": "it", "initial": 0}
    assert list(track(**options)) == [1]


def test_the_default_client_is_that_of_the_environment(server: Server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MILEPOST_URL", server.url)
    monkeypatch.setenv("MILEPOST_PROJECT", "from-the-environment")
    monkeypatch.setattr("milepost._track._default", None)
    bar = track(range(2))
    assert list(bar) == [0, 1]
    client = milepost.default_client()
    assert client.project == "from-the-environment"
    assert shown(client, bar)["state"] == "completed"
