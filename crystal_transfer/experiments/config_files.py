"""Config files: read strictly, and laid over the defaults."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from crystal_transfer.errors import InputError

LARGEST_CONFIG = 10_000_000  # bytes; the paper's has 15,000


# what YAML 1.1 makes of 0123 (83), 0x10 (16), 0b1 (1) and 1:30 (90), and nobody means
OTHER_BASE = re.compile(r"[-+]?(0[0-9_]|0[xXbB]|[0-9_]+:)")


class _StrictLoader(yaml.SafeLoader):
    """YAML in which no key occurs twice, keys are text, and numbers are decimal."""


def _strict_mapping(
    loader: _StrictLoader, node: yaml.MappingNode, deep: bool = False
) -> dict[Any, Any]:
    names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise yaml.MarkedYAMLError(
            problem=f"the key '{twice}' occurs twice", problem_mark=node.start_mark
        )
    loader.flatten_mapping(node)
    found = yaml.SafeLoader.construct_mapping(loader, node, deep=True)
    for key, _ in node.value:
        value = loader.construct_object(key, deep=True)
        if not isinstance(value, str):
            raise yaml.MarkedYAMLError(
                problem=f"the key {key.value} is read as {str(value).lower()}; write '{key.value}'",
                problem_mark=key.start_mark,
            )
    return found


def _decimal(loader: _StrictLoader, node: yaml.ScalarNode) -> Any:
    if OTHER_BASE.match(node.value) and not re.match(r"[-+]?0[0-9_]*\.", node.value):
        raise yaml.MarkedYAMLError(
            problem=f"{node.value} is read as no decimal number; write it without leading zeros, "
            f"letters and colons, or '{node.value}' if it is text",
            problem_mark=node.start_mark,
        )
    is_whole = node.tag.endswith(":int")
    read = loader.construct_yaml_int if is_whole else loader.construct_yaml_float
    return read(node)


_StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _strict_mapping)
_StrictLoader.add_constructor("tag:yaml.org,2002:int", _decimal)
_StrictLoader.add_constructor("tag:yaml.org,2002:float", _decimal)


def read_config(path: str | Path) -> dict[str, Any]:
    """Read one config file.

    Raises
    ------
    InputError
        If it is missing, no text, no YAML, has a key twice or is no mapping.
    """
    path = Path(path)
    try:
        if path.exists() and not path.is_file():
            raise InputError(f"{path}: is not a file; name the config file itself.")
        if path.stat().st_size > LARGEST_CONFIG:
            raise InputError(f"{path}: is too large to be a config; name the config file.")
        content = yaml.load(path.read_text(encoding="utf-8-sig"), Loader=_StrictLoader)
    except FileNotFoundError:
        raise InputError(f"{path}: no such config; correct its name.") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: is not UTF-8 text; save it in that encoding.") from None
    except (yaml.YAMLError, RecursionError, ValueError, TypeError) as error:
        raise InputError(f"{path}: not valid YAML ({' '.join(str(error).split())}).") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise InputError(f"{path}: is not a mapping of keys to values; see config.yaml.")
    return content


def merge(configs: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Merge configs as Snakemake does: mappings key by key, all else replaced."""
    merged: dict[str, Any] = {}
    for content in configs:
        for key, value in content.items():
            both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
            merged[key] = merge([merged[key], value]) if both else value
    return merged


def over_defaults(defaults: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Lay a study's own config over the defaults.

    Mappings are merged key by key, but a study that names experiments runs these and no others.
    """
    if own.get("experiments") is not None:
        defaults = {key: value for key, value in defaults.items() if key != "experiments"}
    return merge([defaults, own])
