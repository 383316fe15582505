"""Every fault of a config is answered with one sentence, and docs and schema agree with it."""

import copy
import importlib.util
import json
import os
import re
from collections import Counter

import pytest
from conftest import ROOT
from jsonschema import Draft202012Validator
from malformed_configs import MALFORMED

from crystal_transfer.checked import Checked
from crystal_transfer.errors import InputError
from crystal_transfer.experiments.config import Config
from crystal_transfer.experiments.config_files import read_config
from crystal_transfer.experiments.study import load_study, with_defaults
from crystal_transfer.figures.drawings import DRAWINGS
from crystal_transfer.operations import cost
from crystal_transfer.runs import RunKind, description, from_description

JARVIS2D = {
    "kind": "unseen", "datasets": ["JARVIS2D"], "sizes": [200], "sources": [["PH", 941]]
}  # fmt: skip


@pytest.fixture
def config() -> dict:
    """The paper's config."""
    return read_config(ROOT / "config.yaml")


def changed(config: dict, key: str, value) -> dict:
    config = copy.deepcopy(config)
    *parents, last = key.split(".")
    block = config
    for parent in parents:
        block = block[parent]
    block[last] = value
    return config


def test_the_paper(config):
    study = load_study(config)
    counts = {name: len(runs) for name, runs in study.grid.items()}
    assert counts == {
        "scratch": 7 * 5 * 5,
        "pairwise": 7 * 6 * 5 * 5,
        "pretrain_size": 2 * 5 * 6 * 5 * 5,
        "ft_size": 2 * 2 * 5,
        "best_size": 4 * 5,
        "strategies": 4 * 5 * 5,
        "sampling": 4 * 3,
        "learning_rate": 5 * 4,
        "frozen_layers": 4 * 2 * 3,
        "multi_property": 7 * 5 * 5,
        "jarvis2d": 7,
        "proposed": 4 * 5,
        "property_number": 2 * 3 * 5,
    }
    kinds = Counter(run.kind.value for run in study.runs.values())
    # 7 of 941 crystals, 2 x 5 larger ones, whole EBG GV PH BG DC FE; 7 without each property, all,
    # and 2 x 2 of fewer properties
    assert kinds["pretrain"] == 7 + 10 + 6
    assert kinds["multipretrain"] == 7 + 1 + 4
    assert all(run.id == id for id, run in study.runs.items())


def test_runs_that_experiments_share_are_trained_once(config):
    study = load_study(config)
    shared = Counter(run.id for runs in study.grid.values() for run in runs)
    assert shared["finetune_BG-n941_to_FE_n800_all_t1"] == 2
    assert shared["finetune_BG-n95502_to_FE_n500_last_layer_t1"] == 2
    total = sum(len(runs) for runs in study.grid.values())
    # strategies: `all` is pair-wise; sampling: random at the usual rate is in learning_rate;
    # property_number: six properties are multi_property; ft_size: 500 crystals are pair-wise
    assert total - len(set(shared)) == 4 * 5 + 4 + 2 * 5 + 2 * 5


def test_a_property_is_never_in_the_pretraining_it_is_tested_after(config):
    for run in load_study(config).runs.values():
        if run.source:
            assert run.dataset not in (run.source.properties or [run.source.dataset]), run.id


def test_hyperparameters_of_the_paper(config):
    runs = load_study(config).runs
    batch = {n: runs[f"scratch_GV_n{n}_t1"].hyperparameters.batch_size for n in (10, 100, 200, 800)}
    assert batch == {10: 1, 100: 2, 200: 16, 800: 16}
    pretrain = runs["pretrain_GV_n941"].hyperparameters
    assert (pretrain.batch_size, pretrain.max_lr, pretrain.epochs) == (16, 1e-4, 500)
    large = runs["pretrain_BG_n100000"].hyperparameters
    assert (large.batch_size, large.max_lr) == (64, 1e-3)
    tuned = runs["finetune_GV-n941_to_PH_n800_all_t5"]
    assert tuned.source == runs["pretrain_GV_n941"]
    assert (tuned.hyperparameters.max_lr, tuned.hyperparameters.loss) == (1e-3, "mse")
    assert runs["scratch_PH_n800_t1"].hyperparameters.max_lr == 1e-4


def case(key, value, message):
    return pytest.param(key, value, message, id=f"{key}={str(value)[:30]}")


def test_an_unseen_dataset_needs_another_property_to_learn_all_from(config):
    config |= {"properties": ["JARVIS2D"], "experiments": {"jarvis2d": JARVIS2D}}
    with pytest.raises(InputError, match="without JARVIS2D itself the key properties leaves 0"):
        load_study(config)
    assert load_study(config | {"properties": []}).runs


@pytest.mark.parametrize(("key", "value", "message"), [case(*row) for row in MALFORMED])
def test_faults(config, key, value, message):
    with pytest.raises(InputError) as error:
        load_study(changed(config, key, value))
    assert str(error.value).startswith(f"config key {message}")
    assert "\n" not in str(error.value)


FILES = {
    "twice": (b"seed: 1\nseed: 2\n", "the key 'seed' occurs twice"),
    "twice, deeper": (b"training:\n  scratch: {epochs: 1, epochs: 2}\n", "'epochs' occurs twice"),
    "no mapping": (b"- seed\n", "is not a mapping"),
    "a word": (b"seed", "is not a mapping"),
    "not closed": (b"seed: [1, 2\n", "not valid YAML"),
    "tab": (b"seed:\n\t- 1\n", "not valid YAML"),
    "latin-1": (b"results: caf\xe9\n", "is not UTF-8 text"),
    "utf-16": ("seed: 1".encode("utf-16"), "is not UTF-8 text"),
    "tag": (b"seed: !!python/object/apply:os.system ['true']\n", "not valid YAML"),
    "control character": (b"seed: \x00\n", "not valid YAML"),
    "deep": (b"[" * 20_000, "not valid YAML"),
    "key that is a list": (b"? [1, 2]\n: 3\n", "not valid YAML|text"),
    "anchor that is not there": (b"seed: *nowhere\n", "not valid YAML"),
}


@pytest.mark.parametrize("name", FILES)
def test_faults_of_files(tmp_path, name):
    content, message = FILES[name]
    path = tmp_path / "mine.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as error:
        load_study(with_defaults(read_config(path)))
    assert "\n" not in str(error.value)


def test_a_folder_or_nothing_for_a_config(tmp_path):
    with pytest.raises(InputError, match="is not a file"):
        read_config(tmp_path)
    with pytest.raises(InputError, match="no such config"):
        read_config(tmp_path / "nowhere.yaml")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="is not a file"):
        read_config(tmp_path / "pipe")


def test_an_empty_config_is_the_paper(tmp_path, config):
    (tmp_path / "empty.yaml").write_text("# nothing\n")
    assert with_defaults(read_config(tmp_path / "empty.yaml")) == config


def test_a_study_runs_the_experiments_it_names_and_no_others(config):
    own = {"experiments": {"mine": {"kind": "scratch", "datasets": ["PH"], "sizes": [10, 20]}}}
    study = load_study(with_defaults(own))
    assert list(study.runs) == ["scratch_PH_n10_t1", "scratch_PH_n20_t1"]
    assert "experiment_mine" in study.figures


def test_sizes_can_be_those_of_each_dataset():
    sizes = {"PH": [10, 20], "DC": [10]}
    own = {
        "mine": {"kind": "scratch", "datasets": ["PH", "DC"], "sizes": sizes},
        "plain": {"kind": "baseline", "datasets": ["PH", "DC"], "sizes": sizes | {"PH": [30]}},
        "tuned": {
            "kind": "transfer", "pretrain": ["PH", "DC"], "pretrain_sizes": [50],
            "finetune": ["PH", "DC"], "sizes": sizes,
        },
    }  # fmt: skip
    study = load_study(with_defaults({"experiments": own}))
    assert [run.id for run in study.grid["mine"]] == [
        "scratch_PH_n10_t1", "scratch_PH_n20_t1", "scratch_DC_n10_t1"
    ]  # fmt: skip
    assert {(run.dataset, run.size) for run in study.grid["tuned"]} == {
        ("PH", 10), ("PH", 20), ("DC", 10)
    }  # fmt: skip
    assert study.config.baselines["plain"].sizes_of("PH") == [30]
    assert (study.largest_sample("PH"), study.largest_sample("DC")) == (30, 10)


def test_every_kind_can_have_sizes_of_each_dataset(config):
    sizes = {"FE": [10, 20], "BG": [10]}
    own = {
        "multi": {"kind": "multi_property", "finetune": ["FE", "BG"], "sizes": sizes},
        "numbers": {
            "kind": "property_number", "finetune": ["FE", "BG"], "numbers": [1, 2], "sizes": sizes,
        },
        "new": {
            "kind": "unseen", "datasets": ["FE", "BG"], "sources": [["PH", 50]], "sizes": sizes,
        },
    }  # fmt: skip
    study = load_study(with_defaults({"experiments": own}))
    for name in own:
        found = {(run.dataset, run.size) for run in study.grid[name]}
        assert found == {("FE", 10), ("FE", 20), ("BG", 10)}, name


def test_figures_of_the_largest_size_keep_every_dataset():
    """A dataset with fewer crystals must not vanish from them."""
    own = {"scratch": {"kind": "scratch", "datasets": ["PH", "DC", "FE"],
                       "sizes": {"PH": [10, 20, 40], "DC": [10, 20], "FE": [20, 40]}}}  # fmt: skip
    study = load_study(with_defaults({"experiments": own}))
    shown = study.figures["fig6a"].runs(study.grid)
    assert {(run.dataset, run.size) for run in shown} == {("PH", 20), ("DC", 20), ("FE", 20)}


def test_figures_of_datasets_that_share_no_size_show_each_at_its_largest():
    """And where an experiment has fewer sizes of a dataset, at the largest that all have."""
    own = {
        "scratch": {"kind": "scratch", "datasets": ["PH", "FE"],
                    "sizes": {"PH": [10, 20, 40], "FE": [50, 100]}},
        "pairwise": {"kind": "transfer", "pairs": [["FE", "PH"], ["PH", "FE"]],
                     "pretrain_sizes": [30], "sizes": {"PH": [10, 20], "FE": [100]}},
    }  # fmt: skip
    study = load_study(with_defaults({"experiments": own}))
    for figure in ("pairwise_heatmap", "fig6b", "parity"):
        shown = study.figures[figure].runs(study.grid)
        expected = {("PH", 20), ("FE", 100)}
        assert {(run.dataset, run.size) for run in shown} == expected, figure
    drawn = [name for name in study.figures if name.startswith("pairwise_heatmap")]
    for size, codes in ((10, {"PH"}), (20, {"PH"}), (100, {"FE"})):
        some = study.figures[f"pairwise_heatmap_n{size}"].runs(study.grid)
        assert {run.dataset for run in some} == codes
    assert len(drawn) == 4


def test_axes_are_keys_of_a_block(config):
    block = {
        "kind": "transfer", "pairs": [["BG", "PH"]], "pretrain_sizes": [941], "sizes": [200],
        "max_lr": [1e-3, 2.5e-4], "batch_size": [16, 4], "network": ["alignn", "cgcnn"],
    }  # fmt: skip
    runs = load_study(with_defaults({"experiments": {"axes": block}})).runs
    assert len(runs) == 8 + 2
    run = runs["finetune_BG-n941-cgcnn_to_PH_n200_all_cgcnn-lr2p5e-4-b4_t1"]
    assert (run.network, run.source.network) == ("cgcnn", "cgcnn")
    assert (run.hyperparameters.max_lr, run.hyperparameters.batch_size) == (2.5e-4, 4)
    assert "finetune_BG-n941_to_PH_n200_all_t1" in runs
    assert from_description(json.loads(json.dumps(description(run)))) == run


def test_a_range_from_all_crystals_is_refused_where_all_may_be_tested_on(config):
    config["imposed"] = {"samples": "trials.json", "test_ids": None, "target_ranges": None}
    assert load_study(config | {"protocol": "paper"})
    clean = config | {"protocol": "clean"}
    with pytest.raises(InputError, match=r"imposed\.samples: without test_ids"):
        load_study(clean)
    assert load_study(changed(clean, "imposed.target_ranges", "ranges.csv"))


def test_a_published_checkpoint_as_source(config):
    config["checkpoints"] = {"JVFE": "jv_formation_energy_peratom_alignn.zip"}
    config["experiments"] = {"pairwise": config["experiments"]["pairwise"]}
    config["experiments"]["pairwise"]["pretrain"] = ["JVFE", "PH"]
    study = load_study(config)
    run = study.runs["finetune_JVFE_to_PH_n800_all_t5"]
    assert run.source.kind is RunKind.CHECKPOINT
    assert [run.id for run in study.runs.values() if run.kind is RunKind.PRETRAIN] == [
        "pretrain_PH_n941"
    ]
    with pytest.raises(InputError, match=r"checkpoints\.PH: there is a dataset of this name"):
        load_study(changed(config, "checkpoints", {"PH": "x.pt"}))


@pytest.mark.parametrize(("pretrain", "has_it"), [(["JVFE"], False), (["JVFE", "BG"], True)])
def test_leakage_is_shown_where_the_study_pre_trains(config, pretrain, has_it):
    config["checkpoints"] = {"JVFE": "jv_formation_energy_peratom_alignn.zip"}
    config["experiments"]["pairwise"]["pretrain"] = pretrain
    assert ("leakage" in load_study(config).figures) == has_it


@pytest.mark.parametrize("name", ["scratch_rates", "learning_rate", "pretrain_size", "anything"])
def test_an_experiment_that_no_figure_shows_has_one_of_its_own(config, name):
    block = {"kind": "scratch", "datasets": ["PH"], "sizes": [200], "trials": [1]}
    study = load_study(changed(config, "experiments", {name: block}))
    assert f"experiment_{name}" in study.figures


def test_a_figure_of_one_trial_shows_one_that_all_experiments_have(config):
    block = {"datasets": ["PH"], "sizes": [200]}
    pair = {"kind": "transfer", "pairs": [["BG", "PH"]], "pretrain_sizes": [941], "sizes": [200]}
    study = load_study(
        changed(
            config, "experiments",
            {
                "scratch": {"kind": "scratch", **block, "trials": [1, 2, 3]},
                "pairwise": {**pair, "trials": [2, 3]},
                "large": {"kind": "scratch", "datasets": ["PH"], "sizes": [800], "trials": [4]},
            },
        )
    )  # fmt: skip
    shown = study.figures["parity"].runs(study.grid)
    assert {(run.kind.value, run.trial) for run in shown} == {("scratch", 2), ("finetune", 2)}
    assert study.figure_options("split_distributions") == {"samples": {"PH": (800, 4)}}


def from_own(config, own: dict, sizes: list[int], pretrain_size):
    """A study that draws and pre-trains on a file of one's own."""
    scratch = {"kind": "scratch", "datasets": ["MINE"], "sizes": sizes}
    pairs = {"pairs": [["MINE", "PH"]], "pretrain_sizes": [pretrain_size], "sizes": [200]}
    experiments = {"scratch": scratch, "pairwise": {"kind": "transfer", **pairs}}
    dataset = {"source": "file", "path": "a.json", **own}
    return load_study(config | {"datasets": {"MINE": dataset}, "experiments": experiments})


def test_what_can_be_drawn_is_not_guessed_where_test_crystals_are_named(config):
    """A separate test file takes nothing away from the dataset."""
    with pytest.raises(InputError, match="a sample of 950 is larger than the pool of MINE"):
        from_own(config, {"rows": 1000}, [950], "all")
    study = from_own(config, {"rows": 1000, "test_path": "b.json"}, [950], "all")
    assert "pretrain_MINE_n1000" in study.runs


def test_the_time_of_a_dataset_of_unknown_size_follows_from_the_sample(config):
    known, unknown = (
        from_own(config, own, [200], 50_000) for own in ({"rows": 60_000}, {"path": "b.json"})
    )
    asked = [cost.minutes(study, study.runs["pretrain_MINE_n50000"]) for study in (known, unknown)]
    assert asked[1] > 0.9 * asked[0]


def test_a_pairwise_block_without_datasets(config):
    del config["experiments"]["pairwise"]["finetune"]
    with pytest.raises(InputError, match="give either pairs, or both pretrain and finetune"):
        load_study(config)


def test_figures_without_their_experiments_are_left_out(config):
    config["experiments"] = {"scratch": config["experiments"]["scratch"]}
    study = load_study(config)
    assert set(name for name, figure in study.figures.items() if figure.runs) == {
        "scratch_heatmap", "margins_of_error_scratch", "comparison", "fig4a", "fig6a"
    }  # fmt: skip
    assert "shared_crystals" not in study.figures


def test_figures_of_datasets_that_a_study_lacks_are_left_out(config):
    assert {"figS15a", "figS15b", "figS21"} <= load_study(config).figures.keys()
    config["experiments"] = {
        "scratch": {"kind": "scratch", "datasets": ["FE"], "sizes": [10]},
        "pairwise": {
            "kind": "transfer", "pretrain": ["BG"], "pretrain_sizes": [941], "finetune": ["FE"],
            "sizes": [10],
        },
        "pretrain_size": {
            "kind": "transfer", "pretrain": ["BG"], "pretrain_sizes": [10_000], "finetune": ["FE"],
            "sizes": [10],
        },
        "multi_property": {"kind": "multi_property", "finetune": ["FE"], "sizes": [10]},
    }  # fmt: skip
    shown = load_study(config).figures
    assert not {"figS15a", "figS15b", "figS21"} & shown.keys()
    assert "fig6b" in shown


def test_config_and_types_have_the_same_keys(config):
    """Every key that the types know stands in config.yaml, with its comment."""
    known = {name for name in Config.model_fields}
    assert set(config) == known
    for name, field in Config.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, Checked):
            assert set(config[name]) == set(inner.model_fields), name


def test_every_key_has_a_comment():
    lines = (ROOT / "config.yaml").read_text().splitlines()
    for number, line in enumerate(lines):
        if re.match(r"[a-z_]+:", line):
            above = [text for text in lines[max(0, number - 12) : number] if text.startswith("#")]
            assert above, f"config.yaml line {number + 1} has no comment"


def test_schema_and_reference_are_those_of_the_types():
    spec = importlib.util.spec_from_file_location("m", ROOT / "docs/make_configuration.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.PAGE.read_text() == module.reference(), "run: make docs"
    assert module.SCHEMA.read_text() == module.schema_text(), "run: make docs"


def test_schema_accepts_the_configs_that_load(config):
    schema = json.loads((ROOT / "workflow/schemas/config.schema.json").read_text())
    Draft202012Validator(schema).validate(config)


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


@pytest.mark.parametrize("name", ["demo", "published", "compact", "switches", "pretrained"])
def test_shipped_configs(config, name):
    assert load_study(with_defaults(read_config(ROOT / f"config/{name}.yaml"))).runs


def test_every_figure_can_be_drawn_and_has_a_caption(config):
    for name in ("another", "scratch_rates", "scratch_epochs"):
        config["experiments"][name] = {"kind": "scratch", "datasets": ["PH"], "sizes": [10]}
    drawn = set()
    for name, figure in load_study(config).figures.items():
        assert figure.drawing in DRAWINGS, name
        assert (ROOT / f"workflow/report/{figure.caption}.rst").is_file(), name
        drawn.add(figure.drawing)
    assert drawn == set(DRAWINGS)
