"""The collector is patient while the program runs, and as it was afterwards, whatever happens."""

import gc

import pytest

from server.collector import patient


def test_what_is_there_is_left_alone_and_what_comes_is_looked_at_less_often() -> None:
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    with pytest.raises(ZeroDivisionError), patient():
        assert gc.get_threshold()[0] > before[0]
        assert gc.get_freeze_count() > frozen
        _ = 1 / 0
    assert (gc.get_threshold(), gc.get_freeze_count()) == (before, 0)
