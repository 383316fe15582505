# One rule per kind of run; all share one script and one layout of results.

from crystal_transfer.experiments.runs import RESULTS_VERSION, description


rule pretrain:
    input:
        table=of_dataset("datasets/{dataset}/crystals.npz"),
        split=of_dataset("datasets/{dataset}/split.json"),
        scaler=of_dataset("datasets/{dataset}/scaler.json"),
        graphs=of_dataset("graphs/{dataset}"),
        excluded=excluded_crystals,
    output:
        **run_outputs("{run}"),
    log:
        f"{RESULTS}/logs/train/{{run}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train/{{run}}.jsonl"
    wildcard_constraints:
        run="pretrain_.+",
    priority: 10
    conda:
        "../envs/training.yaml"
    threads: config["training"]["threads"]
    resources:
        **gpu_request(),
        trainings=1,
        mem_mb=training_memory,
        runtime=training_minutes,
    params:
        run=lambda wildcards: description(run_of(wildcards)),
        checkpoint=lambda wildcards: f"{RESULTS}/checkpoints/{run_of(wildcards).id}.pt",
        version=RESULTS_VERSION,
        seed=config["seed"],
        test_fraction=config["split"]["test_fraction"],
        tested_epoch=STUDY.protocol["tested_epoch"],
        freeze_norms=STUDY.protocol["frozen_norms"] == "frozen",
        backend=config["training"]["backend"],
        device=config["training"]["device"],
        precision=config["training"]["precision"],
        model=config["model"],
    message:
        "Training {wildcards.run}"
    script:
        "../workflow/scripts/train.py"


use rule pretrain as multipretrain with:
    input:
        labels=rules.accumulate.output.labels,
        graphs=rules.cumulative_graphs.output[0],
    wildcard_constraints:
        run="multipretrain_.+",


# The trials of a cell, which start alike, can share a job: `groups` of slurm/profile.v9+.yaml.
use rule pretrain as scratch with:
    input:
        table=of_dataset("datasets/{dataset}/crystals.npz"),
        split=of_dataset("datasets/{dataset}/split.json"),
        scaler=of_dataset("datasets/{dataset}/scaler.json"),
        graphs=of_dataset("graphs/{dataset}"),
    output:
        **run_outputs("{cell}_t{trial}"),
    log:
        f"{RESULTS}/logs/train/{{cell}}_t{{trial}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train/{{cell}}_t{{trial}}.jsonl"
    wildcard_constraints:
        cell="scratch_.+",
    priority: 0
    message:
        "Training {wildcards.cell}, trial {wildcards.trial}"


use rule scratch as finetune with:
    input:
        table=of_dataset("datasets/{dataset}/crystals.npz"),
        split=of_dataset("datasets/{dataset}/split.json"),
        scaler=of_dataset("datasets/{dataset}/scaler.json"),
        graphs=of_dataset("graphs/{dataset}"),
        weights=source_weights,
    wildcard_constraints:
        cell="finetune_.+",
