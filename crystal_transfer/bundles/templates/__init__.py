"""Texts that a bundle comes with, filled in by `bundles.report` and `bundles.card`."""

from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape


def filled(name: str, values: dict[str, Any]) -> str:
    """Return a text with its values; those of an HTML page are escaped."""
    loader = PackageLoader("crystal_transfer.bundles", "templates")
    environment = Environment(loader=loader, autoescape=select_autoescape(["html"]))
    return environment.get_template(name).render(values) + "\n"
