"""The fixed test set of a dataset and the samples of its trials."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from crystal_transfer.datasets.sampling import choose, shuffled
from crystal_transfer.errors import InputError
from crystal_transfer.files import read_sealed_json, write_sealed_json

Imposed = dict[str, dict[str, list[str]]]  # trial -> size -> ids in order
VALIDATION_FRACTION = 0.1  # of a sample; Devi et al. 2024, Methods


@dataclass(frozen=True)
class Split:
    """Who may be drawn for training and who is only ever tested on.

    Attributes
    ----------
    dataset
        Code of the dataset.
    seed
        Of the study; decides the test set and every sample.
    test, pool
        Ids of the crystals. With imposed samples and no imposed test set `test` is empty: every
        run is then tested on what its own sample leaves, see `tested`.
    samples
        Imposed samples: trial -> size -> ids in order; empty where they are drawn.
    """

    dataset: str
    seed: int
    test: list[str]
    pool: list[str]
    samples: Imposed = field(default_factory=dict)


def split(
    dataset: str,
    ids: Sequence[str],
    test_fraction: float,
    seed: int,
    test_ids: Sequence[str] | None = None,
    samples: Mapping[str, Mapping[str, Sequence[Any]]] | None = None,
) -> Split:
    """Fix the test set of a dataset.

    Parameters
    ----------
    dataset
        Code of the dataset.
    ids
        Its clean crystals.
    test_fraction
        Share of the crystals to test on, where no test set is imposed.
    seed
        Seed of the draw.
    test_ids
        An imposed test set.
    samples
        Imposed samples, trial -> size -> ids in order. Published ones may cover a dataset
        completely, so without `test_ids` no fixed test set is taken away.

    Raises
    ------
    InputError
        If an imposed sample has an unknown crystal, one twice, one of the test set or another
        number than its size says, or an imposed test set an unknown one or one twice.
    """
    imposed = _as_strings(samples or {})
    members = _members_of(imposed, dataset, set(ids))
    if test_ids is not None:
        test = _imposed_test(list(map(str, test_ids)), dataset, set(ids))
    elif imposed:
        test = []
    else:
        n_pool = round((1 - test_fraction) * len(ids))
        test = shuffled(ids, (seed, dataset, "test"))[n_pool:]
    tested = set(test)
    shared = sorted(members & tested)
    if shared:
        raise InputError(
            f"dataset {dataset}: crystal '{shared[0]}' ({len(shared)} in all) is in an imposed "
            "sample and in the imposed test set; take it out of one of them."
        )
    if not test and not imposed:
        raise InputError(
            f"dataset {dataset}: no crystal is left to test on; raise split.test_fraction, or "
            "impose a test set."
        )
    return Split(dataset, seed, sorted(test), [id for id in ids if id not in tested], imposed)


def _members_of(imposed: Imposed, dataset: str, known: set[str]) -> set[str]:
    """Return the crystals of imposed samples, each of them checked."""
    for trial, sizes in imposed.items():
        for size, drawn in sizes.items():
            what = f"dataset {dataset}: the imposed sample {size} of trial {trial}"
            _require_distinct(drawn, what)
            if str(len(drawn)) != size:
                raise InputError(
                    f"{what} has {len(drawn)} crystals; correct it, or the size it is given under."
                )
    members = {id for sizes in imposed.values() for drawn in sizes.values() for id in drawn}
    unknown = sorted(members - known)
    if unknown:
        raise InputError(
            f"dataset {dataset}: the imposed samples name crystal '{unknown[0]}' "
            f"({len(unknown)} in all), which the dataset does not have or whose row was rejected; "
            "correct `samples`, or look for it in rejected.csv."
        )
    return members


def _imposed_test(test: list[str], dataset: str, known: set[str]) -> list[str]:
    """Return an imposed test set, checked."""
    _require_distinct(test, f"dataset {dataset}: the imposed test set")
    missing = [id for id in test if id not in known]
    if missing:
        raise InputError(
            f"dataset {dataset}: the imposed test set names crystal '{missing[0]}' "
            f"({len(missing)} of {len(test)}), which the dataset does not have or whose row "
            "was rejected; correct `test_ids`, or look for it in rejected.csv."
        )
    return test


def without(split: Split, removed: Collection[str]) -> Split:
    """Return a split from whose pool crystals are taken; imposed samples stay as they are."""
    return replace(split, pool=[id for id in split.pool if id not in removed])


def draw(
    split: Split,
    size: int,
    trial: int,
    without: Sequence[str] = (),
    sampling: str = "random",
    targets: Mapping[str, float] | None = None,
) -> list[str]:
    """Draw the sample of a trial, in order: the first 90 % train, the rest validate.

    Parameters
    ----------
    split
        The dataset's split.
    size
        Number of crystals.
    trial
        Number of the trial; equal arguments give equal samples, on any machine.
    without
        Crystals of the pool that must not be drawn.
    sampling, targets
        How to choose, see `datasets.sampling`; ``random`` needs no targets.

    Raises
    ------
    InputError
        If the pool is too small.
    """
    excluded = set(without)
    pool = [id for id in split.pool if id not in excluded]
    if size > len(pool):
        raise InputError(
            f"dataset {split.dataset}: a sample of {size} was asked for, but its pool has only "
            f"{len(pool)} crystals; take a smaller size."
        )
    return choose(sampling, pool, targets or {}, size, (split.seed, split.dataset, size, trial))


def sample_of(
    split: Split,
    size: int,
    trial: int,
    sampling: str,
    targets: Mapping[str, float],
) -> list[str]:
    """Return the sample of a trial: the imposed one where samples are imposed, else a draw.

    Imposed samples are random ones; those of another `sampling` are always drawn.

    Raises
    ------
    InputError
        If the samples are imposed and this one is missing, or the pool is too small.
    """
    if not split.samples or sampling != "random":
        return draw(split, size, trial, sampling=sampling, targets=targets)
    try:
        return split.samples[str(trial)][str(size)]
    except KeyError:
        raise InputError(
            f"dataset {split.dataset}: the imposed samples have none of size {size} for trial "
            f"{trial}; add it, or take the size or trial out of the grid."
        ) from None


def require_pool(split: Split, size: int) -> None:
    """See, before anything is trained, that a pool is large enough for a study's largest sample.

    Raises
    ------
    InputError
        If it is not. Imposed samples are not drawn from the pool.
    """
    if not split.samples and size > len(split.pool):
        raise InputError(
            f"dataset {split.dataset}: the study has samples of {size}, but its pool has only "
            f"{len(split.pool)} crystals; take smaller sizes in the config key experiments."
        )


def tested(split: Split, sample: list[str]) -> list[str]:
    """List the crystals to test on: the fixed test set, or all that the sample leaves."""
    drawn = set(sample)
    return split.test or [id for id in split.pool if id not in drawn]


def train_and_validation(sample: list[str]) -> tuple[list[str], list[str]]:
    """Divide a sample: the first 90 % to train on, the rest (at least one) to validate."""
    n_validation = max(1, round(VALIDATION_FRACTION * len(sample)))
    return sample[:-n_validation], sample[-n_validation:]


def pool_share(size: int, test_fraction: float) -> int:
    """Return how many of the `size` crystals of a dataset are in its pool, the test set aside."""
    return round((1 - test_fraction) * size)


def _require_distinct(ids: Sequence[str], what: str) -> None:
    twice = next((id for id, count in Counter(ids).items() if count > 1), None)
    if twice is not None:
        raise InputError(f"{what} has crystal '{twice}' twice; take it out once.")


def _as_strings(
    samples: Mapping[Any, Mapping[Any, Sequence[Any]]],
) -> Imposed:
    return {
        str(trial): {str(size): [str(id) for id in drawn] for size, drawn in sizes.items()}
        for trial, sizes in samples.items()
    }


def save(split: Split, path: str | Path) -> None:
    """Write a split as JSON."""
    write_sealed_json(path, asdict(split))


def load(path: str | Path) -> Split:
    """Read a split written by `save`.

    Raises
    ------
    InputError
        If the file is no split.
    """
    try:
        found = Split(**read_sealed_json(path))
        crystals = [*found.pool, *found.test]
        if len(set(crystals)) < len(crystals):
            raise ValueError("a crystal is in it twice")
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: not a split ({error}); delete it and run again.") from None
    return found
