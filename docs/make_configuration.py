"""Write docs/configuration.md from the JSON schema: make docs."""

from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
HEADER = """# Configuration

<!-- Made by docs/make_configuration.py from workflow/schemas/config.schema.yaml; do not edit. -->

Every key of `config.yaml`, which has the paper's values and their sources as comments. A study of
your own is a file with the keys that differ: `snakemake --configfile my_study.yaml`; lists are
replaced, mappings are merged. `<name>` stands for a name you choose.

| key | type | meaning |
|---|---|---|
"""


def kind(schema: dict, definitions: dict) -> str:
    """Describe the type of a value."""
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if "$ref" in schema:
        schema = definitions[schema["$ref"].split("/")[-1]]
    if "anyOf" in schema:
        return " or ".join(kind(option, definitions) for option in schema["anyOf"])
    types = schema.get("type", "object")
    text = types if isinstance(types, str) else " or ".join(types)
    if text == "array":
        items = schema["items"]
        if "prefixItems" in items:
            return "list of pairs"
        if "from" in items.get("properties", {}):
            return "list of `{from, value}`"
        return f"list of {kind(items, definitions)}"
    limits = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    bounds = [f"{sign} {schema[name]}" for name, sign in limits.items() if name in schema]
    return ", ".join([text, *bounds])


def rows(schema: dict, definitions: dict, prefix: str = "") -> list[str]:
    """Describe all keys below a schema."""
    found = []
    members = dict(schema.get("properties", {}))
    if isinstance(schema.get("additionalProperties"), dict):
        members["<name>"] = schema["additionalProperties"]
    for name, inner in members.items():
        if "$ref" in inner:
            inner = definitions[inner["$ref"].split("/")[-1]]
        key = f"{prefix}{name}"
        found.append(f"| `{key}` | {kind(inner, definitions)} | {inner.get('description', '')} |\n")
        found += rows(inner, definitions, f"{key}.")
    return found


def reference() -> str:
    """Give the whole page."""
    path = ROOT / "workflow/schemas/config.schema.yaml"
    schema = yaml.safe_load(path.read_text(encoding="utf-8"))
    return HEADER + "".join(rows(schema, schema["$defs"]))


if __name__ == "__main__":
    (ROOT / "docs/configuration.md").write_text(reference(), encoding="utf-8")
