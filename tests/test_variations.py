"""Names of variations."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crystal_transfer.variations import Variation, parsed, rate_name

VARIATIONS = st.builds(
    Variation,
    network=st.sampled_from(["", "alignn", "cgcnn", "e3nn"]),
    rate=st.just("") | st.floats(1e-9, 10).map(rate_name),
    batch_size=st.none() | st.integers(1, 10_000),
    epochs=st.none() | st.integers(1, 100_000),
)


@given(VARIATIONS)
def test_a_name_is_taken_apart_into_what_it_was_made_of(variation):
    assert parsed(variation.name) == variation


@given(VARIATIONS, VARIATIONS)
def test_two_variations_have_two_names(one, other):
    assert (one.name == other.name) == (one == other)


@pytest.mark.parametrize(
    ("rate", "name"), [(1e-2, "1e-2"), (2.5e-4, "2p5e-4"), (1.0, "1e0"), (0.05, "5e-2")]
)
def test_rates_in_names(rate, name):
    assert rate_name(rate) == name


@pytest.mark.parametrize("name", ["neighbours-8", "B4-lr", "lr", "b4-", "-b4", "cgcnnlr1e-4"])
def test_a_name_of_another_make_is_kept_whole(name):
    assert parsed(name).name == name
