"""The card of a bundle: what it is, for whoever finds the folder."""

from pathlib import Path
from typing import Any

from crystal_transfer.bundles.bundle import Bundle
from crystal_transfer.bundles.comparison import WORDS
from crystal_transfer.bundles.folds import said_of_folds
from crystal_transfer.bundles.names import BY_FORMULA, BY_NOTHING
from crystal_transfer.bundles.templates import filled
from crystal_transfer.files import write_text
from crystal_transfer.species import SYMBOLS
from crystal_transfer.units import in_brackets, in_unit


def write_card(bundle: Bundle, rejected: int, folder: Path) -> None:
    """Write README.md."""
    values = values_of(bundle, rejected) | {
        "network": bundle.members[0].network,
        "elements": ", ".join(SYMBOLS[number] for number in bundle.training.numbers.tolist()),
        "licence": bundle.source["licence"],
        "strategy": bundle.plan.strategy,
        "epochs": bundle.plan.how.epochs,
        "seed": bundle.plan.seed,
    }
    write_text(folder / "README.md", filled("card.md", values))


def values_of(bundle: Bundle, rejected: int) -> dict[str, Any]:
    """Return what card and report both say."""
    plan = bundle.plan
    words = {
        BY_FORMULA: " another crystal of its reduced formula",
        BY_NOTHING: " anything else of its fold",
    }.get(plan.group_by, " another crystal of its group")
    return {
        "target": plan.target,
        "bracket": in_brackets(plan.unit),
        "unit": in_unit(plan.unit),
        "n": len(bundle.training),
        "n_elements": len(bundle.training.numbers),
        "members": len(bundle.members),
        "rejected": rejected,
        "source": bundle.source["name"],
        "learned": bundle.source.get("learned", ""),
        "grouping_words": words,
        "grouping": ", grouped by reduced formula" if plan.group_by == BY_FORMULA else "",
        "warning": said_of_folds(bundle.training.folds),
        "verdict": bundle.verdict.sentence(plan.unit),
        "wins": bundle.verdict.network_wins,
        "scores": sorted(bundle.scores, key=lambda score: score.mae),
        "words": WORDS,
    }
