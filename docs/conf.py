"""The site: README, the pages of docs/ and an API section from the docstrings (`make site`)."""

import re
import sys
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

project = "crystal-transfer"
author = project_copyright = "The crystal-transfer developers"
version = re.search(r'__version__ = "(.*)"', (ROOT / "crystal_transfer/__init__.py").read_text())[1]

# pages are read from the project's folder, so that links between them are those of the repository
root_doc = "README"
include_patterns = ["*.md", "docs/*.md", "docs/api/*.rst"]
exclude_patterns = [".*", "results", "resources", "build", "tests", "docs/_build", "workflow"]
PAGES = [
    "docs/own-crystals", "docs/datasets", "docs/experiments", "docs/strategies",
    "docs/configuration", "docs/cluster", "docs/figures", "docs/real-study", "docs/baselines",
    "docs/claims", "docs/performance", "docs/architecture",
    "docs/api/modules", "CONTRIBUTING", "SECURITY", "CHANGELOG",
]  # fmt: skip

extensions = [
    "myst_parser",
    "sphinx.ext.apidoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
]
myst_heading_anchors = 3
myst_enable_extensions = ["dollarmath"]
apidoc_modules = [
    {
        "path": "../crystal_transfer",
        "destination": "docs/api",
        "separate_modules": True,
        "module_first": True,
        "exclude_patterns": [
            # compiled loops are no Python functions
            "**/kernels/cpu/loops.py", "**/kernels/cpu/simd.py", "**/kernels/gpu/*",
        ],
        "automodule_options": {"members", "show-inheritance"},
    }
]  # fmt: skip
autodoc_member_order = "bysource"
autodoc_mock_imports = ["chgnet"]
# attributes of several classes have one name, and a docstring means that of its own
suppress_warnings = ["ref.python"]
default_role = "py:obj"  # `name` in a docstring is a link where there is such a name
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
napoleon_custom_sections = ["Result"]

html_theme = "furo"
html_title = "crystal-transfer"
html_show_sourcelink = False


def _add_contents(app: Sphinx, name: str, source: list[str]) -> None:
    """Append the list of pages to the first one; GitHub shows README without it."""
    if name == root_doc:
        found = sorted(f"docs/{path.stem}" for path in (ROOT / "docs").glob("*.md"))
        pages = "\n".join(f"/{page}" for page in dict.fromkeys([*PAGES, *found]))
        source[0] += f"\n```{{toctree}}\n:hidden:\n\n{pages}\n```\n"


def _point_to_first_page(app: Sphinx, error: Exception | None) -> None:
    if error is None and app.builder.name == "html":
        page = f'<meta http-equiv="refresh" content="0; url={root_doc}.html">\n'
        (Path(app.outdir) / "index.html").write_text(page)


def _end_names(
    app: Sphinx, kind: str, name: str, what: Any, options: Any, lines: list[str]
) -> None:
    """End a name before a plural s, as in `Record`s, where reStructuredText wants a mark."""
    lines[:] = [re.sub(r"(`[\w.]+`)s\b", r"\1\\ s", line) for line in lines]


def _keep_prose(
    app: Sphinx, kind: str, name: str, what: Any, options: Any, lines: list[str]
) -> None:
    """Keep a `Returns` section of plain sentences, which napoleon would take for types."""
    if "Returns" not in lines:
        return
    start = lines.index("Returns")
    headings = (i for i in range(start + 2, len(lines)) if lines[i].startswith("---"))
    end = next(headings, len(lines) + 1) - 1
    body = lines[start + 2 : end]
    if not any(line.startswith(" ") for line in body):
        lines[start] = "Result"


def setup(app: Sphinx) -> None:
    """Connect what this site adds to Sphinx."""
    app.connect("source-read", _add_contents)
    app.connect("autodoc-process-docstring", _keep_prose, priority=400)  # before napoleon
    app.connect("autodoc-process-docstring", _end_names)
    app.connect("build-finished", _point_to_first_page)
