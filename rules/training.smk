# One rule per kind of run; all share one script and one layout of results.

from crystal_transfer.experiments.runs import RESULTS_VERSION, description


def of_dataset(name):
    """Give an input function: a file of the dataset that a run is trained on."""
    return lambda wildcards: f"{RESULTS}/{name}".format(
        dataset=STUDY.runs[wildcards.run].dataset
    )


def excluded_crystals(wildcards):
    """Give the list of crystals a pre-training must not see, if the protocol removes them."""
    if STUDY.protocol["seen_in_test"] == "kept":
        return []
    return of_dataset("datasets/{dataset}/seen_in_test.json")(wildcards)


def source_weights(wildcards):
    """Give the weights a fine-tuning starts from."""
    return f"{RESULTS}/runs/{STUDY.runs[wildcards.run].source.id}/weights.pt"


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
    params:
        run=lambda wildcards: description(STUDY.runs[wildcards.run]),
        checkpoint=lambda wildcards: f"{RESULTS}/checkpoints/{wildcards.run}.pt",
        version=RESULTS_VERSION,
        seed=config["seed"],
        test_fraction=config["split"]["test_fraction"],
        tested_epoch=STUDY.protocol["tested_epoch"],
        freeze_norms=STUDY.protocol["frozen_norms"] == "frozen",
        backend=config["training"]["backend"],
        device=config["training"]["device"],
        model=config["model"],
    wildcard_constraints:
        run="scratch_.+",
    log:
        f"{RESULTS}/logs/train/{{run}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train/{{run}}.tsv"
    conda:
        "../envs/training.yaml"
    threads: config["training"]["threads"]
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=lambda wildcards, attempt: 240 * attempt,
        gpu=1,
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


use rule scratch as finetune with:
    input:
        table=of_dataset("datasets/{dataset}/crystals.npz"),
        split=of_dataset("datasets/{dataset}/split.json"),
        scaler=of_dataset("datasets/{dataset}/scaler.json"),
        graphs=of_dataset("graphs/{dataset}"),
        weights=source_weights,
    wildcard_constraints:
        run="finetune_.+",
