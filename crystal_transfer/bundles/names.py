"""What fine-tuning can start from and group by, by name; no PyTorch, and no weights are read."""

from pathlib import Path

from crystal_transfer import data

AUTO = "auto"  # the weights that ship
SCRATCH = "scratch"  # nothing: every weight is drawn
BY_FORMULA = "formula"
BY_NOTHING = "none"


def shipped() -> list[str]:
    """List the weights that come with the package."""
    return sorted(path.stem for path in data.WEIGHTS.glob("*.safetensors"))


def published() -> dict[str, str]:
    """Return name -> address of the networks that alignn's authors have published."""
    import yaml  # a training, which knows the words above, does without

    found: dict[str, str] = yaml.safe_load(data.ALIGNN_MODELS.read_text(encoding="utf-8"))
    return found


def is_file(source: str) -> bool:
    """Say whether a source is no name, so a file or a folder."""
    return source not in (AUTO, SCRATCH, *shipped(), *published())


def weights_of(source: str) -> Path:
    """Return the file of a source that is no name: the model in it, where it is a folder."""
    path = Path(source)
    is_folder = path.is_dir() or (not path.exists() and not path.suffix)
    return path / "model.safetensors" if is_folder else path


def files_of(source: str, group_by: str) -> list[str]:
    """Return the files that a fine-tuning reads besides its crystals, there or yet to be made."""
    found = [str(weights_of(source))] if is_file(source) else []
    return found if group_by in (BY_FORMULA, BY_NOTHING) else [*found, group_by]
