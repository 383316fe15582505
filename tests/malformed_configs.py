"""Configs with one wrong value each, and how the sentence begins that each is answered with."""

NAN, INFINITY = float("nan"), float("inf")

# key of config.yaml, value, beginning of the sentence
MALFORMED = [
    ("protocol", "honest", "protocol: 'honest' is not known; use one of clean, paper."),
    ("protocol", None, "protocol: None is not text."),
    ("protocol", ["paper"], "protocol: ['paper'] is not text."),
    ("protocols", {}, "protocol: 'paper' is not known; use one of ."),
    (
        "protocols.paper.scaling",
        "none",
        "protocols.paper.scaling: 'none' is not known; use one of 'dataset' or 'pool'.",
    ),
    (
        "protocols.paper.extra",
        "x",
        "protocols.paper.extra: is not a known key here; correct its name or take it out.",
    ),
    ("seed", "one", "seed: 'one' is not a whole number."),
    ("seed", 1.0, "seed: 1.0 is not a whole number."),
    ("seed", True, "seed: True is not a whole number."),
    ("seed", NAN, "seed: nan is not a whole number."),
    ("seed", None, "seed: None is not a whole number."),
    ("results", 5, "results: 5 is not text."),
    (
        "results",
        "results/{a}",
        "results: 'results/{a}' has braces, which mean wildcards to Snakemake; take them out.",
    ),
    ("results", "~/study", "results: '~/study' would make a folder of that name; write the path"),
    ("results", "$HOME/study", "results: '$HOME/study' would make a folder of that name;"),
    ("seed", "3", "seed: '3' is text; write it without quotes in a config file (within --config"),
    ("graphs.compress", "true", "graphs.compress: 'true' is text; write it without quotes"),
    ("results", None, "results: None is not text."),
    ("results", "", "results: '': String should have at least 1 character."),
    ("mirror", 3, "mirror: 3 is not text."),
    ("split.test_fraction", 1.5, "split.test_fraction: 1.5: it must be less than 1."),
    ("split.test_fraction", 0, "split.test_fraction: 0: it must be greater than 0."),
    ("split.test_fraction", NAN, "split.test_fraction: nan: it must be a finite number."),
    (
        "split.test_fraction",
        "0.1",
        "split.test_fraction: '0.1' is text; write it without quotes in a config file",
    ),
    ("split", None, "split: None is not a mapping of keys to values."),
    (
        "split.fraction",
        0.1,
        "split.fraction: is not a known key here; correct its name or take it out.",
    ),
    ("cleaning.max_rejected", NAN, "cleaning.max_rejected: nan: it must be a finite number."),
    (
        "cleaning.max_rejected",
        -1,
        "cleaning.max_rejected: -1: it must be greater than or equal to 0.",
    ),
    ("cleaning.max_rejected", INFINITY, "cleaning.max_rejected: inf: it must be a finite number."),
    ("cleaning.max_rejected", "5%", "cleaning.max_rejected: '5%': it must be a valid number."),
    ("graphs.compress", "yes", "graphs.compress: 'yes' is text; write it without quotes"),
    ("graphs.compress", 1, "graphs.compress: 1 is neither true nor false."),
    ("graphs", [], "graphs: [] is not a mapping of keys to values."),
    (
        "model.network",
        "gnn",
        "model.network: 'gnn' is not known; use one of 'alignn', 'cgcnn' or 'reference'.",
    ),
    (
        "model.alignn.hidden_features",
        2.5,
        "model.alignn: has 2.5 for hidden_features",
    ),
    (
        "model.alignn.hidden_features",
        0,
        "model.alignn: has a hidden_features below 1",
    ),
    (
        "model.alignn.alignn_layers",
        -1,
        "model.alignn: has a alignn_layers below 0",
    ),
    (
        "model.alignn.hidden_features",
        NAN,
        "model.alignn: has nan for hidden_features",
    ),
    (
        "model.alignn.width",
        3,
        "model.alignn.width: is not a known key here; correct its name or take it out.",
    ),
    (
        "model.cgcnn.layers",
        True,
        "model.cgcnn: has True for layers",
    ),
    (
        "training.device",
        "tpu",
        "training.device: 'tpu' is not known; use one of 'auto', 'cpu' or 'cuda'.",
    ),
    (
        "training.precision",
        "fp8",
        "training.precision: 'fp8' is not known; use one of 'fp32', 'tf32' or 'bf16'.",
    ),
    ("training.threads", 0, "training.threads: 0: it must be greater than or equal to 1."),
    ("training.threads", 1.5, "training.threads: 1.5 is not a whole number."),
    ("training.weight_decay", NAN, "training.weight_decay: nan: it must be a finite number."),
    (
        "training.weight_decay",
        -1e-05,
        "training.weight_decay: -1e-05: it must be greater than or equal to 0.",
    ),
    (
        "training.weight_decay",
        "1e-5",
        "training.weight_decay: '1e-5' is text to YAML; write the number with a point, such as 1.0e-3.",
    ),
    (
        "training.multipretrain.incomplete_batch",
        "dropped",
        "training.multipretrain: would leave the same crystals out of every epoch: write incomplete_batch: kept, or order: "
        "shuffled.",
    ),
    ("training.pct_start", 1, "training.pct_start: 1: it must be less than 1."),
    ("training.pct_start", INFINITY, "training.pct_start: inf: it must be a finite number."),
    (
        "training.scratch.epochs",
        0,
        "training.scratch.epochs: 0: it must be greater than or equal to 1.",
    ),
    ("training.scratch.epochs", 2.7, "training.scratch.epochs: 2.7 is not a whole number."),
    ("training.scratch.epochs", 0.5, "training.scratch.epochs: 0.5 is not a whole number."),
    ("training.scratch.epochs", NAN, "training.scratch.epochs: nan is not a whole number."),
    (
        "training.scratch.epochs",
        [],
        "training.scratch.epochs: [] has no entry for the smallest samples; begin with {from: 0, value: ...}.",
    ),
    (
        "training.scratch.epochs",
        [{"from": 1000, "value": 5}],
        "training.scratch.epochs: [{'from': 1000, 'value': 5}] has no entry for the smallest samples; begin with {from:",
    ),
    (
        "training.scratch.epochs",
        [{"from": 0, "value": 5}, {"from": 0, "value": 6}],
        "training.scratch.epochs: [{'from': 0, 'value': 5}, {'from': 0, 'value': 6}] has two entries with one `from`; t",
    ),
    (
        "training.scratch.epochs",
        [{"value": 5}],
        "training.scratch.epochs.0.from: is missing; add it.",
    ),
    (
        "training.scratch.max_lr",
        -0.001,
        "training.scratch.max_lr: -0.001: it must be greater than 0.",
    ),
    (
        "training.scratch.max_lr",
        "1e-3",
        "training.scratch.max_lr: '1e-3' is text to YAML; write the number with a point, such as 1.0e-3.",
    ),
    (
        "training.scratch.max_lr",
        INFINITY,
        "training.scratch.max_lr: inf: it must be a finite number.",
    ),
    ("training.scratch.batch_size", 1.5, "training.scratch.batch_size: 1.5 is not a whole number."),
    (
        "training.scratch.loss",
        "huber",
        "training.scratch.loss: 'huber' is not known; use one of 'mse' or 'l1'.",
    ),
    (
        "training.scratch.epoch",
        5,
        "training.scratch.epoch: is not a known key here; correct its name or take it out.",
    ),
    ("training.scratch", None, "training.scratch: None is not a mapping of keys to values."),
    ("runs_per_gpu", 0, "runs_per_gpu: 0: it must be greater than or equal to 1."),
    (
        "runs_per_gpu",
        3,
        "runs_per_gpu: 3 trainings cannot share shards_per_gpu: 4 evenly; choose a divisor of it.",
    ),
    ("runs_per_gpu", 1.5, "runs_per_gpu: 1.5 is not a whole number."),
    (
        "properties",
        ["PH", "PH"],
        "properties: ['PH', 'PH'] has a value twice; take one of them out.",
    ),
    (
        "properties",
        ["PH", "XX"],
        "properties: 'XX' is not known; use one of BG, DC, EBG, FE, GV, JARVIS2D, PH, PZ.",
    ),
    (
        "properties",
        ["PH"],
        "experiments.multi_property: without PH itself the key properties leaves 0 to pre-train on; name more there.",
    ),
    ("properties", "PH", "properties: 'PH' is not a list."),
    (
        "datasets",
        {"5": {"source": "file", "path": "x"}},
        "datasets.5: '5' does not look like one; it must match ^[A-Za-z][A-Za-z0-9]*$.",
    ),
    ("datasets", {5: {"source": "file", "path": "x"}}, "datasets.5: 5 is not text."),
    (
        "datasets",
        {"A B": {"source": "file", "path": "x"}},
        "datasets.A B: 'A B' does not look like one; it must match ^[A-Za-z][A-Za-z0-9]*$.",
    ),
    ("datasets", {"MY": {"path": "x.json"}}, "datasets.MY: needs the key 'source'; add it."),
    ("datasets", {"MY": {"source": "web"}}, "datasets.MY: 'source' is 'web', which is not known."),
    ("datasets", {"MY": {"source": "file"}}, "datasets.MY.path: is missing; add it."),
    (
        "datasets",
        {"MY": {"source": "file", "file": "x"}},
        "datasets.MY.file: is not a known key here; correct its name or take it out.",
    ),
    (
        "datasets",
        {"MY": {"source": "file", "path": "x", "label": "$\\frac{$"}},
        "datasets.MY.label: '$\\\\frac{$' has a character that figures and reports cannot show; use plain words.",
    ),
    (
        "datasets",
        {"MY": {"source": "file", "path": "x", "label": "</script>"}},
        "datasets.MY.label: '</script>' has a character that figures and reports cannot show; use plain words.",
    ),
    (
        "datasets",
        {"MY": {"source": "file", "path": "x", "label": "=1+1"}},
        "datasets.MY.label: '=1+1' begins with a character that spreadsheets take for a formula.",
    ),
    (
        "datasets",
        {"MY": {"source": "file", "path": "x", "rows": 2.5}},
        "datasets.MY.rows: 2.5 is not a whole number.",
    ),
    (
        "datasets",
        {"MY": {"source": "emt", "property": "colour", "crystals": 20}},
        "datasets.MY.property: 'colour' is not known; use one of 'formation_energy', 'bulk_modulus', 'shear_modulus' or",
    ),
    (
        "datasets",
        {"MY": {"source": "emt", "property": "bulk_modulus", "crystals": 5}},
        "datasets.MY.crystals: 5: it must be greater than or equal to 10.",
    ),
    (
        "datasets",
        {"MY": {"source": "emt", "property": "bulk_modulus", "crystals": 20, "column": "x"}},
        "datasets.MY.column: is not a known key here; correct its name or take it out.",
    ),
    (
        "datasets",
        {
            "MY": {
                "source": "jarvis",
                "column": "x",
                "files": [{"name": "../../sitecustomize.py", "url": "http://x/y"}],
            }
        },
        "datasets.MY.files.0.name: '../../sitecustomize.py' is not a plain file name; leave out folders and leading dot",
    ),
    (
        "datasets",
        {
            "MY": {
                "source": "jarvis",
                "column": "x",
                "files": [{"name": "a.json", "url": "file:///etc/passwd"}],
            }
        },
        "datasets.MY.files.0.url: 'file:///etc/passwd' does not look like one; it must match ^https?://\\S+$.",
    ),
    (
        "datasets",
        {"MY": {"source": "jarvis", "column": "x", "files": []}},
        "datasets.MY.files: [] must have at least 1 items.",
    ),
    (
        "datasets",
        {
            "MY": {
                "source": "jarvis",
                "column": "x",
                "files": [{"name": "a.json", "url": "http://x/y", "sha256": "abc"}],
            }
        },
        "datasets.MY.files.0.sha256: 'abc' does not look like one; it must match ^[0-9a-f]{64}$.",
    ),
    (
        "datasets",
        {
            "MY": {
                "source": "jarvis",
                "column": "x",
                "files": [{"name": "matbench_phonons.json.gz", "url": "http://x/y"}],
            }
        },
        "datasets.MY.files: matbench_phonons.json.gz is also a file of PH, from another address or with another checksu",
    ),
    ("datasets", {"MY": None}, "datasets.MY: None is not a mapping of keys to values."),
    ("datasets", [], "datasets: [] is not a mapping of keys to values."),
    (
        "checkpoints",
        {"PH": "x.pt"},
        "checkpoints.PH: there is a dataset of this name; choose another.",
    ),
    (
        "checkpoints",
        {"A-B": "x.pt"},
        "checkpoints.A-B: 'A-B' does not look like one; it must match ^[A-Za-z][A-Za-z0-9]*$.",
    ),
    ("checkpoints", {"A": 5}, "checkpoints.A: 5 is not text."),
    ("imposed.samples", 5, "imposed.samples: 5 is not text."),
    (
        "imposed.sample",
        "x",
        "imposed.sample: is not a known key here; correct its name or take it out.",
    ),
    ("experiments", {}, "experiments: {} must have at least 1 items."),
    ("experiments", None, "experiments: None is not a mapping of keys to values."),
    ("experiments", [], "experiments: [] is not a mapping of keys to values."),
    ("experiments", {"a": None}, "experiments.a: None is not a mapping of keys to values."),
    (
        "experiments",
        {"A b": {"kind": "scratch", "datasets": ["PH"], "sizes": [10], "trials": [1]}},
        "experiments.A b: 'A b' does not look like one; it must match ^[a-z][a-z0-9_]*$.",
    ),
    ("experiments", {"a": {"datasets": ["PH"]}}, "experiments.a: needs the key 'kind'; add it."),
    (
        "experiments.scratch",
        {"kind": "scratch", "datasets": ["PH", "DC"], "sizes": {"PH": [10]}},
        "experiments.scratch.sizes: has no sizes for DC; add them, or leave DC out of the experiment.",
    ),
    (
        "experiments.scratch",
        {"kind": "scratch", "datasets": ["PH"], "sizes": {"PH": [10], "BG": [10]}},
        "experiments.scratch.sizes: has sizes for BG, which the experiment is not tested on; take them "
        "out, or add BG to its datasets.",
    ),
    (
        "experiments.scratch",
        {"kind": "scratch", "datasets": ["PH"], "sizes": {"PH": [10, 0.5]}},
        "experiments.scratch.sizes.PH.1: 0.5 is not a whole number.",
    ),
    (
        "experiments.scratch",
        {"kind": "scratch", "datasets": ["PH"], "sizes": {"PH": 10}},
        "experiments.scratch.sizes.PH: 10 is not a list.",
    ),
    (
        "experiments.scratch",
        {"kind": "baseline", "datasets": ["PH", "DC"], "sizes": {"PH": [10], "DC": [960]}},
        "experiments.scratch.sizes: a sample of 960 is larger than the pool of DC (950 of 1056 "
        "crystals); take it out, or leave DC out.",
    ),
    (
        "experiments",
        {"a": {"kind": "none", "datasets": ["PH"], "sizes": [10], "trials": [1]}},
        "experiments.a: 'kind' is 'none', which is not known.",
    ),
    (
        "experiments",
        {"a": {"kind": "scratch", "datasets": ["PH"], "sizes": [], "trials": [1]}},
        "experiments.a.sizes: [] must have at least 1 items.",
    ),
    (
        "experiments",
        {"a": {"kind": "scratch", "datasets": ["PH"], "sizes": [10, 10], "trials": [1]}},
        "experiments.a.sizes: [10, 10] has a value twice; take one of them out.",
    ),
    (
        "experiments",
        {"a": {"kind": "scratch", "datasets": ["PH"], "sizes": [2], "trials": [1]}},
        "experiments.a.sizes: 2 is too few to divide into training and validation; use at least 3.",
    ),
    (
        "experiments",
        {"a": {"kind": "scratch", "datasets": ["PH"], "sizes": [10.5], "trials": [1]}},
        "experiments.a.sizes.0: 10.5 is not a whole number.",
    ),
    (
        "experiments",
        {"a": {"kind": "scratch", "datasets": ["PH"], "sizes": 10, "trials": [1]}},
        "experiments.a.sizes: 10 is not a list.",
    ),
    (
        "experiments",
        {"a": {"kind": "scratch", "datasets": ["PH"], "sizes": ["10"], "trials": [1]}},
        "experiments.a.sizes.0: '10' is text; write it without quotes",
    ),
    (
        "experiments",
        {"a": {"kind": "scratch", "datasets": ["PH"], "sizes": [100000], "trials": [1]}},
        "experiments.a.sizes: a sample of 100000 is larger than the pool of PH (1138 of 1265 crystals); take it out, or",
    ),
    (
        "experiments",
        {"a": {"kind": "scratch", "datasets": ["PH"], "sizes": [10], "trials": [0]}},
        "experiments.a.trials.0: 0: it must be greater than or equal to 1.",
    ),
    (
        "experiments",
        {"a": {"kind": "scratch", "datasets": ["PH"], "sizes": [10], "trials": []}},
        "experiments.a.trials: [] must have at least 1 items.",
    ),
    (
        "experiments",
        {"a": {"kind": "scratch", "datasets": ["XX"], "sizes": [10], "trials": [1]}},
        "experiments.a.datasets: 'XX' is not known; use one of BG, DC, EBG, FE, GV, JARVIS2D, PH, PZ.",
    ),
    (
        "experiments",
        {"a": {"kind": "scratch", "datasets": [], "sizes": [10], "trials": [1]}},
        "experiments.a.datasets: [] must have at least 1 items.",
    ),
    (
        "experiments",
        {
            "a": {
                "kind": "scratch",
                "datasets": ["PH"],
                "sizes": [10],
                "trials": [1],
                "pairs": [["PH", "BG"]],
            }
        },
        "experiments.a.pairs: is not a known key here; correct its name or take it out.",
    ),
    (
        "experiments",
        {
            "a": {
                "kind": "scratch",
                "datasets": ["PH"],
                "sizes": [10],
                "trials": [1],
                "max_lr": [0.001, 0.0010000000001],
            }
        },
        "experiments.a.max_lr: [0.001, 0.0010000000001] has a value twice; take one of them out.",
    ),
    (
        "experiments",
        {
            "a": {
                "kind": "scratch",
                "datasets": ["PH"],
                "sizes": [10],
                "trials": [1],
                "max_lr": [NAN],
            }
        },
        "experiments.a.max_lr.0: nan: it must be a finite number.",
    ),
    (
        "experiments",
        {
            "a": {
                "kind": "scratch",
                "datasets": ["PH"],
                "sizes": [10],
                "trials": [1],
                "network": ["gnn"],
            }
        },
        "experiments.a.network.0: 'gnn' is not known; use one of 'alignn', 'cgcnn' or 'reference'.",
    ),
    (
        "experiments",
        {
            "a": {
                "kind": "scratch",
                "datasets": ["PH"],
                "sizes": [10],
                "trials": [1],
                "network": ["reference"],
            }
        },
        "graphs.compress: the network 'reference' cannot use compressed graphs; set graphs.compress to false.",
    ),
    (
        "experiments",
        {
            "a": {
                "kind": "transfer",
                "pairs": [["PH", "PH"]],
                "pretrain_sizes": [941],
                "sizes": [10],
            }
        },
        "experiments.a.pairs: PH is both PT and FT dataset, which would train on what is tested; pair it with another d",
    ),
    (
        "experiments",
        {"a": {"kind": "transfer", "pairs": [["PH"]], "pretrain_sizes": [941], "sizes": [10]}},
        "experiments.a.pairs.0: ['PH'] must have at least 2 items.",
    ),
    (
        "experiments",
        {
            "a": {
                "kind": "transfer",
                "pairs": [["PH", "XX"]],
                "pretrain_sizes": [941],
                "sizes": [10],
            }
        },
        "experiments.a.pairs: 'XX' is not known; use one of BG, DC, EBG, FE, GV, JARVIS2D, PH, PZ.",
    ),
    (
        "experiments",
        {
            "a": {
                "kind": "transfer",
                "pairs": [["XX", "PH"]],
                "pretrain_sizes": [941],
                "sizes": [10],
            }
        },
        "experiments.a.pairs: 'XX' is not known; use one of BG, DC, EBG, FE, GV, JARVIS2D, PH, PZ.",
    ),
    (
        "experiments",
        {"a": {"kind": "transfer", "pairs": [], "pretrain_sizes": [941], "sizes": [10]}},
        "experiments.a.pairs: [] must have at least 1 items.",
    ),
    (
        "experiments",
        {
            "a": {
                "kind": "transfer",
                "pairs": [["BG", "FE"]],
                "pretrain_sizes": [941],
                "sizes": [10],
                "pretrain": ["PH"],
            }
        },
        "experiments.a: give either pairs, or both pretrain and finetune.",
    ),
    (
        "experiments",
        {
            "a": {
                "kind": "transfer",
                "pairs": [["BG", "FE"]],
                "pretrain_sizes": ["half"],
                "sizes": [10],
            }
        },
        "experiments.a.pretrain_sizes.0: 'half' is neither a number of crystals nor all.",
    ),
    (
        "experiments",
        {
            "a": {
                "kind": "transfer",
                "pairs": [["BG", "FE"]],
                "pretrain_sizes": [10000000],
                "sizes": [10],
            }
        },
        "experiments.a.pretrain_sizes: 10000000 crystals are more than the 106113 of BG; take a smaller size or leave B",
    ),
    (
        "experiments",
        {
            "a": {
                "kind": "transfer",
                "pairs": [["BG", "FE"]],
                "pretrain_sizes": [941],
                "sizes": [10],
                "strategies": ["some"],
            }
        },
        "experiments.a.strategies.0: 'some' is not known; use one of 'all', 'new_head', 'last_layer', 'two_body', 'thre",
    ),
    (
        "experiments",
        {
            "a": {
                "kind": "transfer",
                "pairs": [["BG", "FE"]],
                "pretrain_sizes": [941],
                "sizes": [10],
                "samplings": ["best"],
            }
        },
        "experiments.a.samplings.0: 'best' is not known; use one of 'random', 'weighted' or 'uniform'.",
    ),
    (
        "experiments",
        {
            "a": {
                "kind": "transfer",
                "pairs": [["BG", "FE"]],
                "pretrain_sizes": [941],
                "sizes": [10],
                "network": ["cgcnn"],
                "strategies": ["three_body"],
            }
        },
        "experiments.a.strategies: 'three_body' frees a part that the network 'cgcnn' does not have; take it out.",
    ),
    (
        "experiments",
        {"a": {"kind": "property_number", "finetune": ["PH"], "numbers": [9], "sizes": [10]}},
        "experiments.a: without PH itself the key properties leaves 6 to pre-train on; name more there.",
    ),
    (
        "experiments",
        {"a": {"kind": "unseen", "datasets": ["JARVIS2D"], "sizes": [10], "sources": [["XX", 10]]}},
        "experiments.a.sources: 'XX' is not known; use one of BG, DC, EBG, FE, GV, JARVIS2D, PH, PZ.",
    ),
    (
        "experiments",
        {"a": {"kind": "unseen", "datasets": ["JARVIS2D"], "sizes": [10], "sources": [["PH"]]}},
        "experiments.a.sources.0.1: is missing; add it.",
    ),
    (
        "experiments",
        {"a": {"kind": "unseen", "datasets": ["JARVIS2D"], "sizes": [1100], "sources": []}},
        "experiments.a.sizes: a sample of 1100 is larger than the pool of JARVIS2D (993 of 1103 crystals); take it out,",
    ),
    ("extra", 1, "extra: is not a known key here; correct its name or take it out."),
    ("figures", 1, "figures: 1 is not a mapping of keys to values."),
    (
        "experiments.scratch.max_lr",
        [1e-3, 1e-4],
        "experiments.scratch.max_lr: figures show one value of it in an experiment of this name; "
        "keep one of 0.001, 0.0001, and put the others in an experiment of another name.",
    ),
    (
        "experiments.pairwise.strategies",
        ["all", "new_head"],
        "experiments.pairwise.strategies: figures show one value of it",
    ),
    (
        "experiments.pairwise.pretrain_sizes",
        [10, 20],
        "experiments.pairwise.pretrain_sizes: figures show one value of it",
    ),
    (
        "experiments.jarvis2d.sizes",
        [200, 500],
        "experiments.jarvis2d.sizes: figures show one value of it in an experiment of this name; keep "
        "one of 200, 500, and put the others in an experiment of another name.",
    ),
    (
        "experiments.learning_rate.sizes",
        [200, 500],
        "experiments.learning_rate.sizes: figures show one value of it",
    ),
    (
        "experiments.strategies.max_lr",
        [1e-3, 1e-4],
        "experiments.strategies.max_lr: figures show one value of it",
    ),
    (
        "experiments.property_number.sizes",
        {"PH": [200, 500], "DC": [500]},
        "experiments.property_number.sizes: figures show one value of it in an experiment of this name; "
        "keep one of 200, 500,",
    ),
    (
        "experiments.scratch.max_lr",
        [2e-3],
        "experiments.scratch: scratch_GV_n10_lr2e-3_t1 is not trained as the key training says, and "
        "figures take runs of this experiment to be; change training or model.network instead, or give "
        "the experiment another name.",
    ),
    (
        "experiments.scratch.trials",
        [6, 7],
        "experiments.pairwise.trials: shares no trial with the experiment scratch for PH at n = 10, so "
        "that nothing can be compared; take one of 6, 7 as well.",
    ),
    (
        "experiments.jarvis2d.sources",
        [["JARVIS2D", "all"]],
        "experiments.jarvis2d.sources: JARVIS2D is both PT and FT dataset, which would train on what is "
        "tested;",
    ),
    (
        "experiments.pairwise_sizes",
        {
            "kind": "transfer",
            "pairs": [["PH", "DC"]],
            "pretrain_sizes": [500],
            "sizes": [300],
        },
        "experiments.pairwise_sizes.pretrain_sizes: 500 crystals of PH, but 941 in experiments.pairwise, "
        "and figures show both as one;",
    ),
    (
        "experiments",
        {
            name: {"kind": "scratch", "datasets": ["PH"], "sizes": [200], "max_lr": [rate]}
            for name, rate in (("a", 1.23456781e-4), ("b", 1.23456782e-4))
        },
        "experiments.b: has another training of the name scratch_PH_n200_lr1p234568e-4_t1 than "
        "experiments.a; take equal values",
    ),
    (
        "experiments.baselines.trials",
        [1, 2],
        "experiments.baselines.trials: networks are trained on trial 3 of GV at n = 10, and are compared "
        "with baselines on the same samples; add 3, 4, 5.",
    ),
    (
        "experiments.pairwise_sizes",
        {
            "kind": "transfer",
            "pairs": [["PH", "DC"]],
            "pretrain_sizes": [941],
            "sizes": [300],
            "strategies": ["last_layer"],
        },
        "experiments.pairwise_sizes.strategies: last_layer, but all in experiments.pairwise, and figures "
        "show both as one;",
    ),
    (
        "experiments.proposed.pretrain_sizes",
        [500],
        "experiments.proposed.pretrain_sizes: 500 crystals of BG, but 941 in experiments.strategies,",
    ),
    (
        "datasets",
        {"forest": {"source": "emt", "property": "bulk_modulus", "crystals": 30}},
        "datasets.forest: figures call a baseline so; choose another name.",
    ),
    (
        "checkpoints",
        {"scratch": "weights.pt"},
        "checkpoints.scratch: figures call a baseline so; choose another name.",
    ),
]
