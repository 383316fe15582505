"""One training of a bundle: on the crystals outside of a fold, tested on those within."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from crystal_transfer.bundles.plan import SCRATCH_SIZES, WHOLE, Part, Plan, plain
from crystal_transfer.bundles.work import Work
from crystal_transfer.datasets.crystals import CrystalTable
from crystal_transfer.datasets.scaling import Scaler
from crystal_transfer.errors import InputError
from crystal_transfer.files import checksum, digest_of, write_csv
from crystal_transfer.graphs.batches import load_graphs
from crystal_transfer.graphs.store import GraphStore, open_store, positions_of, verify
from crystal_transfer.models.contract import Network
from crystal_transfer.models.heads import new_head
from crystal_transfer.models.networks import build_network
from crystal_transfer.models.saved import SavedModel, is_finite, save_model, saved_from
from crystal_transfer.models.sizes import Sizes
from crystal_transfer.models.strategies import STRATEGIES, Head
from crystal_transfer.models.transfer import transfer_saved
from crystal_transfer.protocols import BondRule, FrozenNorms
from crystal_transfer.runs import RESULTS_VERSION
from crystal_transfer.training.device import choose_device
from crystal_transfer.training.interruption import only_one
from crystal_transfer.training.loop import fit
from crystal_transfer.training.memory import keep_freed_memory
from crystal_transfer.training.prediction import predict
from crystal_transfer.training.steps import LabelledGraphs


def train_member(
    work: Work,
    part: Part,
    report: Callable[[str], None],
    asked_to_stop: Callable[[], bool] = lambda: False,
) -> None:
    """Carry out one training and write what it leaves.

    Parameters
    ----------
    work
        Folder with the plan and all that the training reads.
    part
        Which training.
    report
        Takes a line of progress now and then.
    asked_to_stop
        Asked after every batch; True saves a checkpoint and raises `Interrupted`.

    Raises
    ------
    InputError
        If the files do not fit each other, or the training diverged.
    Interrupted
        If it was asked to stop.
    """
    keep_freed_memory()
    torch.set_num_threads(1)
    files = work.part(part.name)
    with only_one(f"{files.checkpoint}.lock"):
        if not work.is_done(part):
            _train(work, part, report, asked_to_stop)


def training_rows(folds: np.ndarray, part: Part, seed: int) -> np.ndarray:
    """Return the crystals that a part is trained on, as rows of the table, in order.

    The crystals of a smaller share are among those of a larger one.
    """
    rows = np.flatnonzero(folds != part.fold)
    if part.share == WHOLE:
        return rows
    drawn = np.random.default_rng(seed).permutation(rows)
    return np.sort(drawn[: max(2, round(part.share * len(rows)))])


def robust_scaler(targets: np.ndarray, unit: str) -> Scaler:
    """Return a scale on which the median of the targets is 0 and their mean distance from it 1.

    A few targets far from all others leave it nearly as it is. If more than half are equal to the
    median, the distance still is not 0, since the targets differ.
    """
    centre = float(np.median(targets))
    spread = float(np.abs(targets - centre).mean()) or 1.0
    return Scaler(centre - spread, centre + spread, unit)


def _train(
    work: Work, part: Part, report: Callable[[str], None], asked_to_stop: Callable[[], bool]
) -> None:
    start = work.load_start()
    plan, folds = start.plan, start.folds
    table, source, files = work.load_table(), work.load_source(), work.part(part.name)
    store = open_store(work.graphs)
    device = choose_device(plan.device)
    inside, outside = training_rows(folds, part, plan.seed), np.flatnonzero(folds == part.fold)
    scaler = robust_scaler(table.targets[inside], plan.unit)
    seed = plan.seed + part.fold
    torch.manual_seed(seed)
    network, name, sizes, head = start_network(plan, source, store)
    network.to(device)
    held_out = _labelled(store, table, outside, scaler, plan.target, device)
    progress = fit(
        network,
        _labelled(store, table, inside, scaler, plan.target, device),
        held_out,
        replace(plan.how, epochs=plan.epochs_of(part)),
        seed,
        FrozenNorms.FROZEN,
        files.checkpoint,
        _fingerprint(work, plan, part),
        report,
        asked_to_stop,
    )
    rule = source.bond_rule if source else BondRule.SHELL.value
    saved = saved_from(network, name, sizes, head, {plan.target: scaler}, rule)
    if not is_finite(saved):
        raise InputError(
            f"{part.name}: the training diverged, its weights are not finite; look for targets "
            "that are far from all others (crystal-transfer check)."
        )
    # of the last epoch: choosing one by the held-out crystals would make their errors too small
    predicted = scaler.restore(predict(network, held_out.graphs).double().cpu().numpy()[:, 0])
    write_csv(files.history, list(progress.history[0]), map(dict.values, progress.history))
    save_model(saved, files.model)
    # last: a training is done when it has predictions
    named = zip(table.ids[outside].tolist(), predicted.tolist(), strict=True)
    work.save_predictions(part, dict(named))
    files.checkpoint.unlink(missing_ok=True)


def start_network(
    plan: Plan, source: SavedModel | None, store: GraphStore
) -> tuple[Network, str, Sizes, Head]:
    """Return the network that a member starts with, its name, its sizes and its output network."""
    if source is None:
        name, sizes, head = "alignn", SCRATCH_SIZES, Head(())
        features = torch.from_numpy(np.array(store.features))
        network = build_network(name, sizes, features)
        network.fc = new_head(head, network.features)
        return network, name, sizes, head
    network = build_network(source.network, source.sizes, source.species_features)
    head = transfer_saved(network, source, STRATEGIES[plan.strategy], plan.source)
    return network, source.network, source.sizes, head


def _labelled(
    store: GraphStore,
    table: CrystalTable,
    rows: np.ndarray,
    scaler: Scaler,
    target: str,
    device: torch.device,
) -> LabelledGraphs:
    positions = positions_of(store, table.ids[rows].tolist())
    targets = torch.from_numpy(scaler.scale(table.targets[rows])[:, None].astype(np.float32))
    return LabelledGraphs(load_graphs(store, positions, device), targets.to(device), (target,))


def _fingerprint(work: Work, plan: Plan, part: Part) -> str:
    """Return a checksum of all that decides the weights that a training ends with."""
    content = {
        "plan": plain(plan),
        "part": part,
        "epochs": plan.epochs_of(part),
        "crystals": checksum(work.crystals),
        "graphs": verify(work.graphs),
        "source": checksum(work.source) if work.source.exists() else "",
        "description": checksum(work.description),
        "results": RESULTS_VERSION,
        "torch": torch.__version__,
    }
    return digest_of(content)
