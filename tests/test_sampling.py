"""How samples are chosen from a pool."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crystal_transfer.datasets.sampling import BINS, bins, choose
from crystal_transfer.runs import Sampling

SKEWED = {f"c{i}": (i / 199) ** 4 for i in range(200)}  # most targets are near zero
POOL = list(SKEWED)


def bin_of(id: str) -> int:
    return min(int(SKEWED[id] * BINS), BINS - 1)


@pytest.mark.parametrize("method", Sampling)
@given(
    targets=st.lists(st.floats(-1e3, 1e3), min_size=3, max_size=60),
    share=st.floats(0.01, 1),
    trial=st.integers(1, 9),
)
def test_any_pool(method, targets, share, trial):
    pool = {str(i): target for i, target in enumerate(targets)}
    size = max(1, int(share * len(pool)))
    chosen = choose(method, list(pool), pool, size, ("X", trial))
    assert len(set(chosen)) == size
    assert set(chosen) <= pool.keys()
    assert chosen == choose(method, list(pool), pool, size, ("X", trial))


def test_bins_hold_every_crystal_once():
    found = bins(POOL, SKEWED)
    assert sorted(id for members in found for id in members) == sorted(POOL)
    assert all(len({bin_of(id) for id in members}) == 1 for members in found)


def test_uniform_takes_the_same_number_from_every_bin():
    available = Counter(map(bin_of, POOL))
    chosen = Counter(map(bin_of, choose("uniform", POOL, SKEWED, 40, ("X",))))
    # equal shares of 4, and what small bins lack comes from the others in equal shares again
    level = max(chosen.values())
    assert all(level - 1 <= chosen[b] <= level or chosen[b] == available[b] for b in available)


def test_weighted_lies_between_random_and_uniform():
    def rare(method: str) -> float:
        draws = [choose(method, POOL, SKEWED, 30, ("X", trial)) for trial in range(200)]
        return sum(bin_of(id) >= BINS // 2 for draw in draws for id in draw) / len(draws)

    expected = 30 * sum(bin_of(id) >= BINS // 2 for id in POOL) / len(POOL)
    assert rare("random") == pytest.approx(expected, rel=0.1)
    assert rare("random") * 1.5 < rare("weighted")
    assert rare("weighted") < rare("uniform") + 1.5


@pytest.mark.parametrize("pool_size", [900, 5000])
def test_weighted_draws_from_a_large_bin_whatever_the_order_of_the_file(pool_size):
    targets = {f"c{i}": 0.0 for i in range(pool_size)} | {"rare": 1.0}
    pool = list(targets)
    draws = [choose("weighted", pool, targets, pool_size // 2, ("X", trial)) for trial in range(20)]
    places = [pool.index(id) for draw in draws for id in draw if id != "rare"]
    assert np.mean(places) == pytest.approx(pool_size / 2, rel=0.03)
    # of two draws of half a bin, half is shared
    shared = [len(set(a) & set(b)) for a, b in pairwise(draws)]
    assert np.mean(shared) == pytest.approx(pool_size / 4, rel=0.05)


def test_the_first_draw_of_weighted_has_the_probabilities_it_should():
    # inverse to the bin's number of crystals: every bin is equally likely to be drawn from first
    draws = Counter(
        bin_of(choose("weighted", POOL, SKEWED, 1, ("X", trial))[0]) for trial in range(2000)
    )
    n_bins = len(set(map(bin_of, POOL)))
    assert all(abs(count - 2000 / n_bins) < 5 * (2000 / n_bins) ** 0.5 for count in draws.values())
    assert len(draws) == n_bins
