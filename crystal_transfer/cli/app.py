"""All commands and their options."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from crystal_transfer.training.settings import Device

OWN, STUDY = "A model for your own crystals", "A study"
app = typer.Typer(
    help="Fine-tune to a few hundred crystals, and find out how to do it best.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


class With(StrEnum):
    """Which of a model's predictors answers."""

    NETWORK = "network"
    BEST = "best"


Data = Annotated[
    Path,
    typer.Argument(
        help="ALIGNN JSON, a matminer or pandas table, extended xyz, or a folder with id_prop.csv.",
        show_default=False,
    ),
]
Target = Annotated[
    str | None,
    typer.Option(help="Column or key of the property; tables and extended xyz need it."),
]
Id = Annotated[str | None, typer.Option(help="Column or key of the crystals' names.")]
Unit = Annotated[str, typer.Option(help="Physical unit of the property, for reports.")]
Threads = Annotated[
    int,
    typer.Option(min=0, help="Processes of one thread each; 0: one per core."),
]
Model = Annotated[Path, typer.Argument(help="Folder of a model.", show_default=False)]
Structures = Annotated[
    Path,
    typer.Argument(
        help="A structure file, a folder of them, extended xyz, or a table as for training.",
        show_default=False,
    ),
]
Configs = Annotated[
    list[Path],
    typer.Option("--configfile", help="Of the study; several are laid over each other, in order."),
]
# as for Snakemake: --configfile a.yaml b.yaml
More = Annotated[list[Path], typer.Argument(help="More of them.", show_default=False)]


@app.command(rich_help_panel=OWN)
def check(
    data: Data,
    target: Target = None,
    id: Id = None,
    unit: Unit = "",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder for a histogram and the rejected rows."),
    ] = None,
) -> None:
    """Read and clean labelled crystals, and say what is in them."""
    from crystal_transfer.cli import own

    own.check(data, target, id, unit, output)


@app.command(rich_help_panel=OWN)
def finetune(
    data: Data,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for the model.", show_default=False)
    ],
    target: Target = None,
    id: Id = None,
    unit: Unit = "",
    source: Annotated[
        str,
        typer.Option("--from", help="auto, scratch, a name (crystal-transfer sources), or a file."),
    ] = "auto",
    strategy: Annotated[
        str,
        typer.Option(
            help="What may change, see docs/strategies.md; by default everything, and a new head.",
            show_default=False,
        ),
    ] = "",
    folds: Annotated[int, typer.Option(min=3, help="Members, each blind to one fold.")] = 5,
    group_by: Annotated[
        str,
        typer.Option(help="Keep together in a fold: formula, none, or a CSV file (id, group)."),
    ] = "formula",
    chgnet: Annotated[
        bool,
        typer.Option("--chgnet", help="A baseline with CHGNet's features (pip install chgnet)."),
    ] = False,
    test: Annotated[
        Path | None, typer.Option(help="Labelled crystals to test the finished model on.")
    ] = None,
    epochs: Annotated[
        int, typer.Option(min=0, help="Of each member; 0 for a number that fits the crystals.")
    ] = 0,
    seed: Annotated[
        int, typer.Option(min=0, max=2**32 - 1, help="Of folds, weights and order.")
    ] = 0,
    threads: Threads = 0,
    device: Annotated[Device, typer.Option(help="Where to train.")] = Device.AUTO,
) -> None:
    """Fine-tune to a property; the same command goes on after an interruption."""
    from crystal_transfer.bundles.plan import Options
    from crystal_transfer.cli import own

    options = Options(
        target=target or own.name_of(data),
        unit=unit,
        source=source,
        strategy=strategy,
        folds=folds,
        group_by=group_by,
        chgnet=chgnet,
        epochs=epochs,
        seed=seed,
        device=device,
    )
    own.finetune(data, output, id, test, threads, target, options)


@app.command(rich_help_panel=OWN)
def predict(
    model: Model,
    crystals: Structures,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="CSV file to write.", show_default=False)
    ],
    level: Annotated[
        float, typer.Option(help="Share of crystals whose value is to lie in the interval.")
    ] = 0.9,
    by: Annotated[
        With, typer.Option("--with", help="The network, or what was best out of fold.")
    ] = With.NETWORK,
    id: Id = None,
    threads: Threads = 0,
    device: Annotated[Device, typer.Option(help="Where to compute.")] = Device.AUTO,
) -> None:
    """Predict crystals, with intervals and the nearest training crystal."""
    from crystal_transfer.cli import own

    own.predict(model, crystals, output, level, by.value, id, threads, device)


@app.command(rich_help_panel=OWN)
def embed(
    model: Annotated[
        str, typer.Argument(help="Folder of a model, or a source.", show_default=False)
    ],
    crystals: Structures,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="NPZ file to write.", show_default=False)
    ],
    id: Id = None,
    threads: Threads = 0,
    device: Annotated[Device, typer.Option(help="Where to compute.")] = Device.AUTO,
) -> None:
    """Write pooled features of crystals, for a regressor of your own."""
    from crystal_transfer.cli import own

    own.embed(model, crystals, output, id, threads, device)


@app.command(rich_help_panel=OWN)
def sources() -> None:
    """List what fine-tuning can start from."""
    from crystal_transfer.cli import own

    own.sources()


@app.command(rich_help_panel=STUDY)
def plan(configfile: Configs = [], more: More = []) -> None:  # noqa: B006
    """Say how many trainings, hours and gigabytes a study takes."""
    from crystal_transfer.cli import study

    study.print_plan(study.load([*configfile, *more]))


@app.command(rich_help_panel=STUDY)
def status(configfile: Configs = [], more: More = []) -> None:  # noqa: B006
    """Say what is done, running, failed and left."""
    from crystal_transfer.cli import study

    study.print_status(study.load([*configfile, *more]))


@app.command(rich_help_panel=STUDY)
def compare(configfile: Configs = [], more: More = []) -> None:  # noqa: B006
    """Show finished cells beside the published ones."""
    from crystal_transfer.cli import study

    study.print_comparison(study.load([*configfile, *more]))


@app.command(rich_help_panel=STUDY)
def contrast(
    base: Annotated[Path, typer.Argument(help="Results of a study.", show_default=False)],
    others: Annotated[
        list[Path],
        typer.Argument(help="Results of others, with the same runs.", show_default=False),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for contrast.csv and its picture.")
    ] = Path(),
) -> None:
    """Show what a change does: studies beside one of them, run by run."""
    from crystal_transfer.cli import study

    study.contrast(base, others, output)
