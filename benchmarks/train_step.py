"""Training step: alignn on DGL against ours, on the same crystals, interleaved.

    python benchmarks/train_step.py --data ph.json.gz --batch 16 64
    python benchmarks/train_step.py --quick

The last line is the ratio of the first batch size, fp32, on alignn's exact graphs, compressed.
"""

import statistics

import dgl
import numpy as np
import torch
from alignn.models import alignn as reference
from alignn.models import alignn_atomwise_pure as pure
from alignn.torch_graph_builder import batch_torch_graph_pairs
from common import alignn_graph, arguments, store_of, table_of
from timing import ratio, side_by_side

from crystal_transfer.graphs.batches import assemble, load_graphs
from crystal_transfer.models.alignn import ALIGNN
from crystal_transfer.models.sizes import AlignnSizes
from crystal_transfer.training.memory import keep_freed_memory

VARIANTS = {  # name -> neighbours, compress
    "ours, alignn's graphs, full": ("alignn", False),
    "ours, alignn's graphs": ("alignn", True),
    "ours, shells": ("shell", True),
}


def reference_step(table, batches, targets):
    model = reference.ALIGNN(reference.ALIGNNConfig(name="alignn"))
    graphs = [alignn_graph(crystal) for crystal in table]
    optimizer = torch.optim.AdamW(model.parameters())

    def step():
        for members in batches:
            crystal, line = zip(*(graphs[member] for member in members), strict=True)
            optimizer.zero_grad()
            output = model((dgl.batch(crystal), dgl.batch(line), None))
            ((output - targets[members]) ** 2).mean().backward()
            optimizer.step()

    return step


def pure_reference_step(table, batches, targets):
    """Alignn without DGL: another model (LayerNorm), with the same layers on the same graphs."""
    config = pure.ALIGNNAtomWisePureConfig(
        name="alignn_atomwise_pure", alignn_layers=4, gcn_layers=4, hidden_features=256,
        atom_input_features=92, calculate_gradient=False, lg_on_fly=False, use_penalty=False,
        energy_mult_natoms=False,
    )  # fmt: skip
    model = pure.ALIGNNAtomWisePure(config)
    pairs = [tuple(map(pure._as_torchgraph, alignn_graph(crystal))) for crystal in table]
    optimizer = torch.optim.AdamW(model.parameters())

    def step():
        for members in batches:
            crystal, line = batch_torch_graph_pairs([pairs[member] for member in members])
            optimizer.zero_grad()
            output = model((crystal, line, None))["out"]
            ((output - targets[members]) ** 2).mean().backward()
            optimizer.step()

    return step


def our_step(table, batches, targets, neighbours, compress):
    store = store_of(table, neighbours, compress)
    graphs = load_graphs(store, np.arange(len(table)))
    model = ALIGNN(AlignnSizes(), torch.from_numpy(np.array(store.features)))
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)

    def step():
        for members in batches:
            optimizer.zero_grad()
            output = model(assemble(graphs, members)).squeeze(1)
            ((output - targets[members]) ** 2).mean().backward()
            optimizer.step()

    return step


def main() -> None:
    options = arguments(__doc__)
    keep_freed_memory()
    first = None
    for batch in options.batch:
        n = batch if options.quick else max(64, batch)
        table = table_of(options.data, n)
        targets = torch.linspace(-1, 1, len(table))
        batches = [members for members in torch.arange(len(table)).split(batch)]
        contestants = {"alignn on DGL": reference_step(table, batches, targets)}
        if not options.quick:
            contestants["alignn, pure PyTorch"] = pure_reference_step(table, batches, targets)
        for name, variant in VARIANTS.items():
            if not options.quick or name == "ours, alignn's graphs":
                contestants[name] = our_step(table, batches, targets, *variant)
        times = side_by_side(contestants, seconds=6 if options.quick else 60)
        for name, values in times.items():
            rate = len(table) / statistics.median(values)
            gain = ratio(times, "alignn on DGL", name)
            print(f"batch {batch:3d}  {name:32s} {rate:7.1f} graphs/s  {gain:5.2f}x")
        first = first or ratio(times, "alignn on DGL", "ours, alignn's graphs")
    print(f"ratio {first:.2f}")


if __name__ == "__main__":
    main()
