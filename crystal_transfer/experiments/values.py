"""Types of values that several keys of a config have: by size, sizes, rates, names."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag

from crystal_transfer.checked import Checked, Count, Number, Text, Whole
from crystal_transfer.models.sizes import SIZES
from crystal_transfer.models.strategies import STRATEGIES

WHOLE = "all"  # the PT size that takes a whole dataset


class FromSize(Checked):
    """A value that holds from a size of the sample on."""

    from_: Annotated[Whole, Field(ge=0, alias="from")]
    """Smallest sample that it holds for."""
    value: Annotated[Number, Field(gt=0)]
    """The value."""


class WholeFromSize(FromSize):
    """A whole number that holds from a size of the sample on."""

    value: Count
    """The value."""


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list) else [{"from": 0, "value": value}]


def _complete(entries: list[FromSize]) -> list[FromSize]:
    """Sort entries by size; there must be one for every size, and only one."""
    starts = sorted(entry.from_ for entry in entries)
    if starts[:1] != [0]:
        raise ValueError("has no entry for the smallest samples; begin with {from: 0, value: ...}")
    if len(set(starts)) < len(starts):
        raise ValueError("has two entries with one `from`; take one of them out")
    return sorted(entries, key=lambda entry: entry.from_)


_BY_SIZE = "A number, or a list of {from, value}: the last entry with from <= size counts."
_POSITIVE = Annotated[Number, Field(gt=0)]
BySize = Annotated[
    list[FromSize],
    BeforeValidator(_as_list, json_schema_input_type=_POSITIVE | list[FromSize]),
    AfterValidator(_complete),
    Field(description=_BY_SIZE),
]
WholeBySize = Annotated[
    list[WholeFromSize],
    BeforeValidator(_as_list, json_schema_input_type=Count | list[WholeFromSize]),
    AfterValidator(_complete),
    Field(description=_BY_SIZE),
]


def at_size(entries: list[Any], size: int) -> Any:
    """Return the value of the last entry with from <= size."""
    return [entry.value for entry in entries if entry.from_ <= size][-1]


def distinct(values: list[Any]) -> list[Any]:
    """Refuse values that occur twice, or that a run's name could not tell apart."""
    written = [f"{value:.6g}" if isinstance(value, float) else str(value) for value in values]
    if len(set(written)) < len(written):
        raise ValueError("has a value twice; take one of them out")
    return values


Codes = Annotated[list[Text], Field(min_length=1), AfterValidator(distinct)]
Counts = Annotated[list[Count], Field(min_length=1), AfterValidator(distinct)]


def _form_of_sizes(value: Any) -> str:
    return "[by dataset]" if isinstance(value, Mapping) else "[all]"


SampleSizes = Annotated[
    Annotated[Counts, Tag("[all]")] | Annotated[dict[Text, Counts], Tag("[by dataset]")],
    Discriminator(_form_of_sizes),
]
Rates = Annotated[
    list[Annotated[Number, Field(gt=0)]], Field(min_length=1), AfterValidator(distinct)
]


def _pretrain_size(value: Any) -> Any:
    if value != WHOLE and (type(value) is not int or value < 1):
        raise ValueError("is neither a number of crystals nor all")
    return value


PretrainSize = Annotated[
    int | str, BeforeValidator(_pretrain_size, json_schema_input_type=Count | Literal["all"])
]
if TYPE_CHECKING:  # a type checker cannot know what the tables hold
    StrategyName = str
    NetworkName = str
else:
    StrategyName = Literal[tuple(STRATEGIES)]
    NetworkName = Literal[tuple(SIZES)]
BaselineName = Literal["median", "forest", "kernel"]
Pair = Annotated[list[Text], Field(min_length=2, max_length=2)]
SizedDataset = tuple[Text, PretrainSize]
