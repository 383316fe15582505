"""Types that check what people write: strict numbers, plain names, one sentence per fault.

pydantic checks; this module says what was wrong in words that name the key and the remedy.
"""

from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from crystal_transfer.errors import InputError


class Checked(BaseModel):
    """A mapping in which every key is known and every value is of its type."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


def plain_name(name: str) -> str:
    """Refuse a file's name that could lead out of the folder that it is meant for."""
    if name in ("", ".", "..") or name.startswith((".", "~")) or name != PurePosixPath(name).name:
        raise ValueError("is not a plain file name; leave out folders and leading dots")
    if "\\" in name or not name.isprintable():
        raise ValueError("has a character that a file name must not have")
    return name


def drawable(text: str) -> str:
    """Refuse text that figures, tables or the report cannot show."""
    if not text.isprintable() or any(character in text for character in "<>$\\\"'`"):
        raise ValueError("has a character that figures and reports cannot show; use plain words")
    if text[:1] in ("=", "+", "-", "@"):
        raise ValueError("begins with a character that spreadsheets take for a formula")
    return text


Whole = Annotated[int, Field(strict=True)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Share = Annotated[Number, Field(gt=0, lt=1)]
Count = Annotated[Whole, Field(ge=1)]
Switch = Annotated[bool, Field(strict=True)]
Text = Annotated[str, Field(strict=True)]
Label = Annotated[Text, AfterValidator(drawable)]
FileName = Annotated[Text, AfterValidator(plain_name)]
CODE = r"^[A-Za-z][A-Za-z0-9]*$"
Code = Annotated[Text, Field(pattern=CODE)]


def sentence_of(error: ValidationError, tags: Iterable[str] = (), prefix: str = "") -> InputError:
    """Say what is wrong in the value that explains most, with its key.

    Parameters
    ----------
    error
        What pydantic found.
    tags
        Names of the members of unions, which pydantic puts into the place of a fault although
        no such key exists.
    prefix
        Key that the checked value has.
    """
    hidden = set(tags)
    faults = error.errors(include_url=False)
    # a key that is not known explains others that are missing
    fault = min(faults, key=lambda f: (f["type"] != "extra_forbidden", len(f["loc"])))
    parts = [prefix, *(str(part) for part in fault["loc"] if part not in hidden)]
    key = ".".join(filter(None, parts)) or "(top level)"
    return InputError(f"config key {key}: {_in_words(fault)}.")


def _in_words(fault: ErrorDetails) -> str:
    """Describe a fault and the remedy."""
    kind, value, context = fault["type"], fault.get("input"), fault.get("ctx", {})
    shown = repr(value) if len(repr(value)) < 60 else f"{repr(value)[:57]}..."
    match kind:
        case "extra_forbidden":
            return "is not a key of this place; correct its name or take it out"
        case "missing":
            return "is missing; add it"
        case "value_error":
            return f"{shown} {context['error']}"
        case "union_tag_not_found":
            return f"needs the key {context['discriminator']}; add it"
        case "union_tag_invalid":
            return (
                f"{context['discriminator']} {context['tag']!r} is not known; use one of "
                f"{context['expected_tags']}"
            ).replace("''", "'")
        case "enum" | "literal_error":
            return f"{shown} is not known; use one of {context['expected']}"
        case "string_pattern_mismatch":
            return f"{shown} is not a name of letters and digits that begins with a letter"
        case "float_type" if isinstance(value, str) and _is_number(value):
            return f"{shown} is text to YAML; write the number with a point, such as 1.0e-3"
        case "model_type" | "dict_type" | "mapping_type" | "model_attributes_type":
            return f"{shown} is not a mapping of keys to values"
    return f"{shown}: {_lower(fault['msg'])}"


def _is_number(text: Any) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]
