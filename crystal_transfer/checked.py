"""Types that check what people write: strict numbers, plain names, one sentence per fault.

pydantic checks; this module says what was wrong in words that name the key and the remedy.
"""

from typing import Annotated, Any

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from crystal_transfer.errors import InputError
from crystal_transfer.file_names import safe_name
from crystal_transfer.units import drawable


class Checked(BaseModel):
    """A mapping in which every key is known and every value is of its type."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


def plain_name(name: str) -> str:
    """Refuse a file's name that could lead out of the folder that it is meant for."""
    try:
        return safe_name(name)
    except InputError:
        raise ValueError("is not a plain file name; leave out folders and leading dots") from None


Whole = Annotated[int, Field(strict=True)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Share = Annotated[Number, Field(gt=0, lt=1)]
Count = Annotated[Whole, Field(ge=1)]
Switch = Annotated[bool, Field(strict=True)]
Text = Annotated[str, Field(strict=True)]
Label = Annotated[Text, AfterValidator(drawable)]
FileName = Annotated[Text, AfterValidator(plain_name)]
SomeText = Annotated[Text, Field(min_length=1)]
CODE = r"^[A-Za-z][A-Za-z0-9]*$"
Code = Annotated[Text, Field(pattern=CODE)]


def sentence_of(
    error: ValidationError, prefix: str = "", tag_at: tuple[str, int] | None = None
) -> InputError:
    """Describe the fault that explains most, with the key it is in.

    Parameters
    ----------
    error
        The faults that pydantic found.
    prefix
        Key that the checked value has.
    tag_at
        First part of the path of keys (empty: any) and the position in that path at which pydantic
        names the member of a union; no such key is in the config, so it is left out.
    """
    faults = error.errors(include_url=False)
    fault = min(faults, key=lambda f: (RANKS.get(f["type"], 1), len(f["loc"])))
    parts = [str(part) for part in fault["loc"]]
    if tag_at and parts and tag_at[0] in ("", parts[0]) and len(parts) > tag_at[1]:
        del parts[tag_at[1]]
    if parts[-2:] == ["0", "value"]:  # a plain number where a list of {from, value} may stand
        del parts[-2:]
    # what pydantic puts in brackets, "[key]" and our names of forms, is not in the config
    written = [part for part in parts if not part.startswith("[")]
    key = ".".join([*filter(None, [prefix]), *written])
    return InputError(f"config key {key or '(top level)'}: {in_words(fault)}.")


# a key that is not known explains others that are missing; a list that is too short may be so
# because of what is wrong in it
RANKS = {"extra_forbidden": 0, "unexpected_keyword_argument": 0, "too_short": 2}


def in_words(fault: ErrorDetails) -> str:
    """Describe a fault and the remedy."""
    kind, value, context = fault["type"], fault.get("input"), fault.get("ctx", {})
    shown = repr(value) if len(repr(value)) < 60 else f"{repr(value)[:57]}..."
    match kind:
        case "extra_forbidden" | "unexpected_keyword_argument":
            return "is not a known key here; correct its name or take it out"
        case "missing":
            return "is missing; add it"
        case "value_error":
            # a whole mapping says no more than its key
            return f"{'' if isinstance(value, dict) else shown} {context['error']}".strip()
        case "union_tag_not_found":
            return f"needs the key {context['discriminator']}; add it"
        case "union_tag_invalid":
            return f"{context['discriminator']} is {context['tag']!r}, which is not known"
        case "enum" | "literal_error":
            return f"{shown} is not known; use one of {context['expected']}"
        case "string_pattern_mismatch":
            return f"{shown} does not look like one; it must match {context['pattern']}"
        case "float_type" if _is_quoted(value):
            return QUOTED.format(shown)
        case "float_type" if isinstance(value, str) and _is_number(value):
            return f"{shown} is text to YAML; write the number with a point, such as 1.0e-3"
        case "model_type" | "dict_type" | "mapping_type" | "model_attributes_type":
            return f"{shown} is not a mapping of keys to values"
        case "too_short":
            return f"{shown} must have at least {context['min_length']} items"
        case "too_long":
            return f"{shown} must have at most {context['max_length']} items"
        case "int_type" | "bool_type" if _is_quoted(value):
            return QUOTED.format(shown)
        case "int_type" | "int_from_float":
            return f"{shown} is not a whole number"
        case "bool_type":
            return f"{shown} is neither true nor false"
        case "string_type":
            return f"{shown} is not text"
        case "list_type" | "tuple_type":
            return f"{shown} is not a list"
    return f"{shown}: {fault['msg'].replace('Input should', 'it must')}"


QUOTED = (
    "{} is text; write it without quotes in a config file (within --config key={{...}} Snakemake "
    "takes all values for text)"
)


def _is_quoted(value: Any) -> bool:
    """Whether a value is text that YAML reads as a number or a switch where no quotes are."""
    if not isinstance(value, str):
        return False
    try:
        return isinstance(yaml.safe_load(value), int | float)
    except yaml.YAMLError:
        return False


def _is_number(text: Any) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
