"""Every fault of a config is answered with one sentence, and docs and schema agree with it."""

import copy
import importlib
import importlib.util
import re
from collections import Counter

import pytest
import yaml
from conftest import ROOT

from crystal_transfer.errors import InputError
from crystal_transfer.experiments.grid import by_size
from crystal_transfer.experiments.study import load_study


@pytest.fixture
def config() -> dict:
    """The paper's config."""
    return yaml.safe_load((ROOT / "config.yaml").read_text())


def changed(config: dict, key: str, value) -> dict:
    config = copy.deepcopy(config)
    *parents, last = key.split(".")
    block = config
    for parent in parents:
        block = block[parent]
    block[last] = value
    return config


def test_the_paper(config):
    study = load_study(config, ROOT)
    counts = {name: len(runs) for name, runs in study.grid.items()}
    assert counts == {
        "scratch": 7 * 5 * 5,
        "pairwise": 7 * 6 * 5 * 5,
        "pretrain_size": 2 * 5 * 6 * 5 * 5,
        "best_size": 3 * 5,
        "strategies": 4 * 5 * 5,
        "sampling": 4 * 3,
        "learning_rate": 4 * 4,
        "frozen_layers": 4 * 2 * 3,
        "multi_property": 7 * 5 * 5,
        "jarvis2d": 7,
        "proposed": 4 * 5,
        "property_number": 2 * 3 * 5,
    }
    kinds = Counter(run.kind for run in study.runs.values())
    # 7 of 941 crystals, 2 x 5 larger ones, whole EBG GV PH BG DC FE; 7 without each property, all,
    # and 2 x 2 of fewer properties
    assert kinds["pretrain"] == 7 + 10 + 6
    assert kinds["multipretrain"] == 7 + 1 + 4
    assert all(run.id == id for id, run in study.runs.items())


def test_runs_that_experiments_share_are_trained_once(config):
    study = load_study(config, ROOT)
    shared = Counter(run.id for runs in study.grid.values() for run in runs)
    assert shared["finetune_BG-n941_to_FE_n800_all_t1"] == 2
    assert shared["finetune_BG-n106113_to_FE_n500_last_layer_t1"] == 2
    total = sum(len(runs) for runs in study.grid.values())
    # strategies: `all` is pair-wise; sampling: random at the usual rate is in learning_rate;
    # property_number: six properties are multi_property
    assert total - len(set(shared)) == 4 * 5 + 4 + 2 * 5


def test_a_property_is_never_in_the_pretraining_it_is_tested_after(config):
    for run in load_study(config, ROOT).runs.values():
        if run.source:
            assert run.dataset not in (run.source.properties or [run.source.dataset]), run.id


def test_hyperparameters_of_the_paper(config):
    runs = load_study(config, ROOT).runs
    batch = {n: runs[f"scratch_GV_n{n}_t1"].hyperparameters.batch_size for n in (10, 100, 200, 800)}
    assert batch == {10: 1, 100: 2, 200: 16, 800: 16}
    pretrain = runs["pretrain_GV_n941"].hyperparameters
    assert (pretrain.batch_size, pretrain.max_lr, pretrain.epochs) == (16, 1e-4, 500)
    block = config["training"]["pretrain"]
    assert (by_size(block["batch_size"], 100_000), by_size(block["max_lr"], 1000)) == (64, 1e-3)
    tuned = runs["finetune_GV-n941_to_PH_n800_all_t5"]
    assert tuned.source == runs["pretrain_GV_n941"]
    assert (tuned.hyperparameters.max_lr, tuned.hyperparameters.loss) == (1e-3, "mse")


FAULTS = [
    ("protocol", "honest", "protocol: 'honest' is not known; use one of clean, paper"),
    ("experiments.scratch.datasets", ["PHX"], "experiments.scratch.datasets: 'PHX' is not known"),
    ("experiments.pairwise.strategies", ["some"], "strategies: 'some' is not known"),
    ("experiments.scratch.sizes", [2], "2 is too few to divide into training and validation"),
    ("experiments.scratch.sizes", [900], r"larger than the pool of PZ \(847 of 941 crystals\)"),
    ("experiments.pairwise.pretrain_sizes", [2000], "2000 crystals are more than the 1265 of PH"),
    ("experiments.pairwise.pairs", [["PH", "PH"]], "PH is both PT and FT dataset"),
    ("experiments.pairwise.pairs", [["PH", "XX"]], "'XX' is not known"),
    ("training.backend", "alignn", "graphs.compress: training.backend 'alignn'"),
    ("experiments.jarvis2d.sources", [["XX", 10]], r"jarvis2d\.sources: 'XX' is not known"),
    ("experiments.jarvis2d.sizes", [1100], r"larger than the pool of JARVIS2D \(993 of 1103"),
    ("properties", ["PH", "XX"], "properties: 'XX' is not known"),
    ("properties", ["PH"], "without PH itself the key properties leaves 0"),
    ("experiments.sampling.samplings", ["best"], r"sampling\.samplings"),
    ("training.backend", "jax", "training.backend: 'jax' is not one of"),
    ("training.scratch.epochs", 0, "training.scratch.epochs"),
    ("training.scratch.epoch", 5, "training.scratch: .*'epoch' was unexpected"),
    ("split.test_fraction", 1.5, "split.test_fraction: 1.5"),
    ("seed", "one", "seed: 'one' is not of type 'integer'"),
    ("datasets", {"MY": {"path": "x.json"}}, "datasets.MY.source: is 'None'; use one of"),
    ("datasets", {"MY": {"source": "file"}}, "datasets.MY: source 'file' needs the key 'path'"),
    ("datasets", {"MY": {"source": "file", "file": "x"}}, "datasets.MY: .*'file' was unexpected"),
    ("experiments", {"scratch": {"datasets": ["PH"]}}, "'sizes' is a required property"),
]


@pytest.mark.parametrize(("key", "value", "message"), FAULTS)
def test_faults(config, key, value, message):
    with pytest.raises(InputError, match=message) as error:
        load_study(changed(config, key, value), ROOT)
    assert str(error.value).startswith("config key ")
    assert "\n" not in str(error.value)


def test_a_published_checkpoint_as_source(config):
    config["checkpoints"] = {"JVFE": "jv_formation_energy_peratom_alignn.zip"}
    config["experiments"] = {"pairwise": config["experiments"]["pairwise"]}
    config["experiments"]["pairwise"]["pretrain"] = ["JVFE", "PH"]
    study = load_study(config, ROOT)
    run = study.runs["finetune_JVFE_to_PH_n800_all_t5"]
    assert run.source.kind == "checkpoint"
    assert [run.id for run in study.runs.values() if run.kind == "pretrain"] == ["pretrain_PH_n941"]
    with pytest.raises(InputError, match=r"checkpoints\.PH: there is a dataset of this name"):
        load_study(changed(config, "checkpoints", {"PH": "x.pt"}), ROOT)


def test_a_pairwise_block_without_datasets(config):
    del config["experiments"]["pairwise"]["finetune"]
    with pytest.raises(InputError, match="give either pairs, or both pretrain and finetune"):
        load_study(config, ROOT)


def test_figures_without_their_experiments_are_left_out(config):
    config["experiments"] = {"scratch": config["experiments"]["scratch"]}
    study = load_study(config, ROOT)
    assert set(study.run_figures) == {
        "fig6a_scratch_heatmap", "margins_of_error_scratch", "comparison"
    }  # fmt: skip
    assert "shared_crystals" not in study.dataset_figures


def keys_of(schema: dict, definitions: dict, prefix: str = "") -> set[str]:
    """All keys that a schema describes, dotted; keys that users choose are left out."""
    if "$ref" in schema:
        schema = definitions[schema["$ref"].split("/")[-1]]
    found = set()
    for name, inner in schema.get("properties", {}).items():
        found |= {f"{prefix}{name}"} | keys_of(inner, definitions, f"{prefix}{name}.")
    return found


def given_keys(content: dict, prefix: str = "") -> set[str]:
    found = set()
    for name, inner in content.items():
        found.add(f"{prefix}{name}")
        if isinstance(inner, dict) and f"{prefix}{name}" not in (
            "datasets",
            "protocols",
            "checkpoints",
        ):
            found |= given_keys(inner, f"{prefix}{name}.")
    return found


def test_config_and_schema_have_the_same_keys(config):
    schema = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())
    described = keys_of(schema, schema["$defs"])
    optional = ("pairs", "pretrain", "finetune", "samplings", "max_lr")
    missing = described - given_keys(config)
    assert given_keys(config) <= described
    assert all(re.fullmatch(rf"experiments\.\w+\.({'|'.join(optional)})", key) for key in missing)


def test_every_key_has_a_comment():
    lines = (ROOT / "config.yaml").read_text().splitlines()
    for number, line in enumerate(lines):
        if re.match(r"[a-z_]+:", line):
            above = [text for text in lines[max(0, number - 12) : number] if text.startswith("#")]
            assert above, f"config.yaml line {number + 1} has no comment"


def test_the_configuration_reference_is_up_to_date():
    spec = importlib.util.spec_from_file_location("m", ROOT / "docs/make_configuration.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (ROOT / "docs/configuration.md").read_text() == module.reference(), "run: make docs"


def test_environments_have_the_pins_of_the_lock():
    spec = importlib.util.spec_from_file_location("lock", ROOT / "envs/lock.py")
    lock = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(lock)
    pins = lock.pins(lock.LOCK.read_text())
    for name in ("training", "data"):
        text = (ROOT / f"envs/{name}.yaml").read_text()
        found = re.findall(r"- ([\w.-]+)==(\S+)", text)
        assert found
        assert all(pins[package] == version for package, version in found)


@pytest.mark.parametrize("name", ["demo", "real", "published"])
def test_shipped_configs(config, name):
    addition = yaml.safe_load((ROOT / f"config/{name}.yaml").read_text())

    def merge(base, extra):
        both = {**base, **extra}
        for key in base.keys() & extra.keys():
            if isinstance(base[key], dict) and isinstance(extra[key], dict):
                both[key] = merge(base[key], extra[key])
        return both

    assert load_study(merge(config, addition), ROOT).runs


def test_every_figure_can_be_drawn_and_has_a_caption(config):
    study = load_study(config, ROOT)
    for name, figure in {**study.run_figures, **study.dataset_figures}.items():
        module, function = figure.draw.split(":")
        assert callable(
            getattr(importlib.import_module(f"crystal_transfer.figures.{module}"), function)
        )
        assert (ROOT / f"workflow/report/{figure.caption or name}.rst").is_file(), name
