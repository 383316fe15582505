"""Write the schema of configs and docs/configuration.md from the types of a config: make docs."""

import json
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from crystal_transfer.datasets.registry import Dataset
from crystal_transfer.experiments.config import Config

ROOT = Path(__file__).parents[1]
SCHEMA = ROOT / "workflow/schemas/config.schema.json"
PAGE = ROOT / "docs/configuration.md"
HEADER = """# Configuration

<!-- Made by docs/make_configuration.py; do not edit. -->

Every key of `config.yaml`, which has the paper's values and their sources as comments. A study of
your own is a file with the keys that differ:
`snakemake --profile local --configfile my_study.yaml`; lists are replaced, mappings are merged, and
a study that names experiments runs those and no others. Several files are laid over each other in
order: `--configfile my_study.yaml quick.yaml`, after one `--configfile`. Values
within `--config 'training={threads: 2}'` are text to Snakemake, so
numbers belong in a file; `--config seed=3` is one.
`<name>` stands for a name you choose.

| key | type | meaning |
|---|---|---|
"""
LIMITS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


def schema() -> dict[str, Any]:
    """Return the JSON schema of a config; entries of datasets included."""
    whole = Config.model_json_schema(by_alias=True)
    dataset = TypeAdapter(Dataset).json_schema()
    whole["$defs"] |= dataset.pop("$defs")
    named = whole["properties"]["datasets"]["patternProperties"]
    whole["properties"]["datasets"]["patternProperties"] = dict.fromkeys(named, dataset)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | whole


def resolved(part: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference; what stands beside it counts."""
    if "$ref" not in part:
        return part
    return definitions[part["$ref"].rsplit("/", 1)[-1]] | {
        key: value for key, value in part.items() if key != "$ref"
    }


def options(part: dict[str, Any]) -> list[dict[str, Any]]:
    """List the members of a union."""
    return part.get("anyOf", part.get("oneOf", []))


def kind(part: dict[str, Any], definitions: dict[str, Any]) -> str:
    """Describe the type of a value."""
    part = resolved(part, definitions)
    if "enum" in part:
        return " or ".join(f"`{value}`" for value in part["enum"])
    if "const" in part:
        return f"`{part['const']}`"
    if options(part):
        names = [kind(option, definitions) for option in options(part)]
        return " or ".join(dict.fromkeys(name for name in names if name != "null")) or "null"
    text = part.get("type", "mapping")
    text = {"object": "mapping", "string": "text", "boolean": "true or false"}.get(text, text)
    if text == "array":
        items = resolved(part.get("items", {}), definitions)
        if "prefixItems" in part or "prefixItems" in items:
            return "list of pairs" if "prefixItems" in items else "pair"
        if "from" in items.get("properties", {}):
            return "list of `{from, value}`"
        return f"list of {kind(items, definitions)}"
    bounds = [f"{sign} {part[name]}" for name, sign in LIMITS.items() if name in part]
    return ", ".join([text, *bounds])


def meaning(part: dict[str, Any]) -> str:
    """Return the first line of a description, as a cell of a table."""
    return part.get("description", "").split("\n\n")[0].replace("\n", " ").replace("|", "\\|")


def rows(part: dict[str, Any], definitions: dict[str, Any], prefix: str = "") -> list[str]:
    """Describe all keys below a part of the schema."""
    part = resolved(part, definitions)
    found = []
    for option in options(part):
        option = resolved(option, definitions)
        chosen = {
            name: inner["const"]
            for name, inner in option.get("properties", {}).items()
            if "const" in inner
        }
        for name, value in chosen.items():
            found.append(f"| `{prefix}{name}: {value}` | | {meaning(option)} |\n")
        found += rows(option, definitions, prefix)
    members = dict(part.get("properties", {}))
    if isinstance(part.get("additionalProperties"), dict):
        members["<name>"] = part["additionalProperties"]
    for patterned in part.get("patternProperties", {}).values():
        members["<name>"] = patterned
    for name, inner in members.items():
        inner = resolved(inner, definitions)
        if "const" in inner:
            continue
        key = f"{prefix}{name}"
        found.append(f"| `{key}` | {kind(inner, definitions)} | {meaning(inner)} |\n")
        if inner.get("type") != "array":
            found += rows(inner, definitions, f"{key}.")
    return found


def reference() -> str:
    """Return the whole page."""
    content = schema()
    return HEADER + "".join(dict.fromkeys(rows(content, content["$defs"])))


def schema_text() -> str:
    """Return the schema as it is stored."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SCHEMA.write_text(schema_text(), encoding="utf-8")
    PAGE.write_text(reference(), encoding="utf-8")
