# One rule per kind of run; all share one script and one layout of results.

from crystal_transfer.experiments.runs import RESULTS_VERSION, description


rule scratch:
    input:
        table=of_dataset("datasets/{dataset}/crystals.npz"),
        split=of_dataset("datasets/{dataset}/split.json"),
        scaler=of_dataset("datasets/{dataset}/scaler.json"),
        graphs=of_dataset("graphs/{dataset}"),
    output:
        weights=f"{RESULTS}/runs/{{run}}/weights.pt",
        metrics=f"{RESULTS}/runs/{{run}}/metrics.json",
        predictions=f"{RESULTS}/runs/{{run}}/predictions.csv",
        history=f"{RESULTS}/runs/{{run}}/history.csv",
        description=f"{RESULTS}/runs/{{run}}/run.yaml",
    log:
        f"{RESULTS}/logs/train/{{run}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train/{{run}}.tsv"
    wildcard_constraints:
        run="scratch_.+",
    conda:
        "../envs/training.yaml"
    threads: config["training"]["threads"]
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=lambda wildcards, attempt: 240 * attempt,
        gpu=0 if config["training"]["device"] == "cpu" else 1,
    params:
        run=lambda wildcards: description(run_of(wildcards)),
        checkpoint=lambda wildcards: f"{RESULTS}/checkpoints/{wildcards.run}.pt",
        version=RESULTS_VERSION,
        seed=config["seed"],
        test_fraction=config["split"]["test_fraction"],
        tested_epoch=STUDY.protocol["tested_epoch"],
        freeze_norms=STUDY.protocol["frozen_norms"] == "frozen",
        backend=config["training"]["backend"],
        device=config["training"]["device"],
        model=config["model"],
    message:
        "Training {wildcards.run}"
    script:
        "../workflow/scripts/train.py"


use rule scratch as pretrain with:
    input:
        table=of_dataset("datasets/{dataset}/crystals.npz"),
        split=of_dataset("datasets/{dataset}/split.json"),
        scaler=of_dataset("datasets/{dataset}/scaler.json"),
        graphs=of_dataset("graphs/{dataset}"),
        excluded=excluded_crystals,
    wildcard_constraints:
        run="pretrain_.+",
    priority: 10


use rule scratch as multipretrain with:
    input:
        labels=rules.accumulate.output.labels,
        graphs=rules.cumulative_graphs.output[0],
    wildcard_constraints:
        run="multipretrain_.+",
    priority: 10


use rule scratch as finetune with:
    input:
        table=of_dataset("datasets/{dataset}/crystals.npz"),
        split=of_dataset("datasets/{dataset}/split.json"),
        scaler=of_dataset("datasets/{dataset}/scaler.json"),
        graphs=of_dataset("graphs/{dataset}"),
        weights=source_weights,
    wildcard_constraints:
        run="finetune_.+",
