"""A model for one's own crystals: what the commands do, and what they print."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from crystal_transfer.bundles.bundle import Bundle, load_bundle
from crystal_transfer.bundles.comparison import NETWORK, WORDS
from crystal_transfer.bundles.data import (
    Crystals,
    read_labelled,
    read_test,
    read_unlabelled,
    without_known,
    write_rejected,
)
from crystal_transfer.bundles.names import AUTO, SCRATCH, published, shipped
from crystal_transfer.bundles.paths import DESCRIPTION, TEST
from crystal_transfer.bundles.plan import Options, plan_of, require_drawable
from crystal_transfer.bundles.predict import csv_of, embed_bundle, predict_bundle
from crystal_transfer.bundles.sources import find_source
from crystal_transfer.datasets.cells import in_primitive_cells
from crystal_transfer.datasets.cleaning import SHOWN
from crystal_transfer.errors import InputError, Interrupted
from crystal_transfer.files import replaced_when_whole, require_folder, require_place, write_text
from crystal_transfer.prediction import embed_crystals
from crystal_transfer.processes import usable_cores
from crystal_transfer.training.device import choose_device
from crystal_transfer.training.settings import Device
from crystal_transfer.units import drawable, in_brackets, in_unit

TELL = 30.0  # s between two lines of progress where there is no terminal
BAR = 40  # characters of the longest bar of a histogram
BINS = 12
MOST_NAMES = 5  # of crystals in one line

console = Console(highlight=False, soft_wrap=True)


def name_of(data: Path) -> str:
    """Return what a property without a name is called: as the data, if figures can show that."""
    name = data.resolve().name.split(".")[0]
    try:
        return drawable(name) or "target"
    except ValueError:
        return "target"


def check(data: Path, target: str | None, id: str | None, unit: str, output: Path | None) -> None:
    """Print what is in labelled crystals; parameters as of the command."""
    from crystal_transfer.bundles import check as checking

    require_drawable(target=target or "", unit=unit)
    if output is not None:
        require_folder(output)
    crystals = read_labelled(data, target, id)
    table = crystals.table
    _print_rejected(crystals)
    found = checking.summarise(table)
    behind = escape(in_unit(unit))
    low, quarter, median, three, high = found.quantiles
    console.print(
        f"atoms per cell: {found.atoms[0]} to {found.atoms[2]}, median {found.atoms[1]}\n"
        f"reduced formulas: {len(found.formulas)}\n"
        f"elements: {len(found.elements)}, in "
        + ", ".join(f"{symbol} {n}" for symbol, n in list(found.elements.items())[:12])
        + (", ..." if len(found.elements) > 12 else "")
    )
    formula, most = next(iter(found.formulas.items()))
    if most > checking.DOMINATES * len(table):
        console.print(
            f"[bold]{most} crystals are {formula}[/], {most / len(table):.0%} of all: they stay "
            "together in one fold unless they are grouped by something else (--group-by)"
        )
    if found.rare:
        console.print(f"in fewer than {checking.RARE} crystals: {', '.join(found.rare)}")
    console.print(
        f"target: {low:.4g} to {high:.4g}{behind}, median {median:.4g}, half of them "
        f"{quarter:.4g} to {three:.4g}"
    )
    _print_histogram(table.targets)
    if found.twins:
        console.print(
            f"[bold]{len(found.twins)} groups of crystals look alike[/] (StructureMatcher), their "
            f"targets differ by up to {found.disagreement:.4g}{behind}: "
            + escape("; ".join(_few(names, " = ") for names in found.twins[:MOST_NAMES]))
        )
    if found.far:
        console.print(
            f"[bold]{len(found.far)} targets are far from all others[/]: {escape(_few(found.far))}"
        )
    if output is not None:
        write_rejected(crystals.rejected, output / "rejected.csv")
        label = (target or "target") + in_brackets(unit)
        checking.draw_histogram(table, label, output / "targets.png")
        _say(f"{output}: targets.png, rejected.csv")


def finetune(
    data: Path, output: Path, id: str | None, test: Path | None, threads: int, column: str | None,
    options: Options,
) -> None:  # fmt: skip
    """Make a bundle and say what it is worth; parameters as of the command."""
    from crystal_transfer.bundles.finetune import finetune as make
    from crystal_transfer.bundles.finetune import training_batches
    from crystal_transfer.bundles.folds import folds_of, groups_of, said_of_folds

    crystals = read_labelled(data, column, id)
    _print_rejected(crystals)
    tested = None
    if test is not None:
        found = without_known(read_test(test, column, id), crystals.table)
        console.print("to test on: ", end="")
        _print_rejected(found)
        if not len(found.table):
            raise InputError(f"{test}: all of its crystals are among those to train on.")
        tested = found.table
    n, processes = len(crystals.table), _processes(threads)
    plan = plan_of(options, n)
    console.print(
        f"{plan.folds} members of {plan.how.epochs} epochs and a learning curve of as many steps, "
        f"{processes} at a time"
    )
    folds = folds_of(groups_of(crystals.table, plan.group_by), plan.folds, plan.seed)
    if warning := said_of_folds(folds):
        console.print(f"[bold]{escape(warning)}[/]")
    with _stopped_gently(), _progress(training_batches(plan, n, plan.parts())) as tell:
        bundle = make(crystals, options, output, processes, tested, tell)
    print_bundle(bundle, output)
    if test is not None:
        write_rejected(found.rejected, output / "test_rejected.csv")
        _print_tested(output / TEST, unit=options.unit)


def predict(
    model: Path,
    crystals: Path,
    output: Path,
    level: float,
    by: str,
    id: str | None,
    threads: int,
    device: Device,
) -> None:
    """Write predictions and say how many can be trusted; parameters as of the command."""
    _require_output(output, crystals)
    bundle, processes = load_bundle(model), _processes(threads)
    found = read_unlabelled(crystals, id, processes)
    _print_rejected(found)
    name = NETWORK if by == NETWORK else bundle.best
    where = choose_device(device)
    table = predict_bundle(bundle, found.table, level, str(where), processes, name)
    write_text(output, csv_of(table))
    write_rejected(found.rejected, _beside(output))
    outside = int((~table["in_domain"]).sum())
    unseen = int((table["unseen_elements"] != "").sum())
    _say(
        f"{output}: {len(table)} crystals by the {WORDS[name]}; {outside} outside of the model's "
        f"domain, {unseen} of them with elements that it has never seen"
    )
    if not np.isfinite(table["lower"]).all():
        console.print(
            f"[bold]intervals of {level:g} are infinite[/]: {len(bundle.training)} training "
            "crystals are too few for this level"
        )


def embed(
    model: str, crystals: Path, output: Path, id: str | None, threads: int, device: Device
) -> None:
    """Write features; parameters as of the command."""
    _require_output(output, crystals)
    processes, where = _processes(threads), str(choose_device(device))
    found = read_unlabelled(crystals, id, processes)
    _print_rejected(found)
    if (Path(model) / DESCRIPTION).exists():
        features = embed_bundle(load_bundle(model), found.table, where, processes)
    else:
        source = find_source(model).model
        if source is None:
            raise InputError(f"source '{model}': has no features; name a model or a source.")
        cells = in_primitive_cells(found.table)  # as in models that started from the source
        features = embed_crystals(source, cells, where, processes)
    with replaced_when_whole(output) as temporary, temporary.open("wb") as handle:
        np.savez(handle, ids=found.table.ids, features=features.astype(np.float32))
    write_rejected(found.rejected, _beside(output))
    _say(f"{output}: ids and features, {features.shape[0]} x {features.shape[1]}")


def sources() -> None:
    """Print what fine-tuning can start from."""
    table = Table(box=None)
    table.add_column("name")
    table.add_column("what it is")
    table.add_row(AUTO, f"{shipped()[0]}, unless you name another")
    for name in shipped():
        table.add_row(name, "comes with the package")
    for name in published():
        table.add_row(name, "ALIGNN's authors; downloaded when it is used first")
    table.add_row(SCRATCH, "nothing: every weight is drawn")
    console.print(table)
    console.print("or a file: model.safetensors of a run, or weights of alignn (.pt, .zip)")


def print_bundle(bundle: Bundle, folder: Path) -> None:
    """Print what a bundle is worth."""
    unit = bundle.plan.unit
    table = Table(box=None)
    table.add_column("model")
    table.add_column(escape(f"MAE{in_brackets(unit)}"), justify="right")
    table.add_column("R2", justify="right")
    for score in sorted(bundle.scores, key=lambda score: score.mae):
        table.add_row(WORDS[score.model], f"{score.mae:.3g} ± {score.mae_error:.2g}",
                      f"{score.r2:.3f}")  # fmt: skip
    console.print(table)
    console.print(f"[bold]{escape(bundle.verdict.sentence(unit))}[/]")
    if bundle.best != NETWORK:
        console.print(f"Lowest error: the {WORDS[bundle.best]}; `predict --with best` uses it.")
    _say(f"{folder}: the model; look at {folder / 'report.html'}")


def _processes(threads: int) -> int:
    """Return the number of processes; 0 stands for the cores that this process may use."""
    return threads or usable_cores()


def _say(text: str) -> None:
    """Print a line as it is: names and paths may look like markup."""
    console.print(text, markup=False)


@contextmanager
def _stopped_gently() -> Iterator[None]:
    """Let SIGTERM end a training as Ctrl-C does: with checkpoints, and one sentence."""

    def stop(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted("stopped by the user") from None
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    """Show how far the trainings are: a bar, or lines where there is no terminal."""
    if not console.is_terminal:
        yield _lines(total)
        return
    columns = (
        TextColumn("training"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(),
        TextColumn("left"),
    )  # fmt: skip
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("training", total=total)
        yield lambda batches: bar.update(task, completed=batches)


def _lines(total: int) -> Callable[[int], None]:
    started = told = time.monotonic()
    first: int | None = None  # batches of earlier sittings

    def tell(batches: int) -> None:
        nonlocal told, first
        now = time.monotonic()
        first = batches if first is None else first
        if batches > first and now - told > TELL:
            told = now
            left = (now - started) * (total - batches) / (batches - first)
            console.print(f"training: {batches / total:.0%}, about {left / 60:.0f} min left")

    return tell


def _print_rejected(crystals: Crystals) -> None:
    n = len(crystals.table) + len(crystals.rejected)
    console.print(f"{len(crystals.table)} of {n} crystals are usable")
    for row in crystals.rejected[:SHOWN]:
        console.print(f"  left out: {row.id}: {row.reason}", markup=False)
    if len(crystals.rejected) > SHOWN:
        console.print(f"  and {len(crystals.rejected) - SHOWN} more")


def _print_histogram(targets: np.ndarray) -> None:
    counts, edges = np.histogram(targets, BINS)
    for n, low, high in zip(counts, edges[:-1], edges[1:], strict=True):
        bar = "█" * round(BAR * n / counts.max()) or ("▏" if n else "")
        console.print(f"{low:>10.4g} to {high:<10.4g} {bar} {n}")


def _few(names: list[str], between: str = ", ") -> str:
    more = len(names) - MOST_NAMES
    return between.join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _require_output(output: Path, crystals: Path) -> None:
    """See that results can be written, and not over what they are computed from."""
    for path in (output, _beside(output)):
        require_place(path)
        if path.exists() and crystals.exists() and path.samefile(crystals):
            raise InputError(f"{path}: has the crystals to read; name another file to write.")


def _print_tested(path: Path, unit: str) -> None:
    """Print what predictions of test crystals are worth."""
    from crystal_transfer.bundles.report import test_values

    found = test_values(pd.read_csv(path))
    console.print(
        escape(f"On {found['n']} test crystals: MAE {found['mae']:.3g}{in_unit(unit)}, ")
        + ("" if found["r2"] is None else f"R2 {found['r2']:.3f}, ")
        + f"{found['covered']:.0%} within the intervals; {path.name} has them"
    )


def _beside(output: Path) -> Path:
    """Return where the rows that were left out are written."""
    return output.with_name(f"{output.stem}.rejected.csv")
