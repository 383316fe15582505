# From a dataset's source to clean crystals, a fixed test set and scaled targets.

DOWNLOADS = {
    file["name"]: file
    for entry in STUDY.datasets.values()
    for file in entry.get("files", [])
}


rule download:
    output:
        "resources/downloads/{file}",
    log:
        f"{RESULTS}/logs/download/{{file}}.log",
    wildcard_constraints:
        file="|".join(DOWNLOADS),
    localrule: True
    conda:
        "../envs/data.yaml"
    params:
        file=lambda wildcards: DOWNLOADS[wildcards.file],
        mirror=config.get("mirror"),
    message:
        "Downloading {wildcards.file}"
    script:
        "../workflow/scripts/download.py"


rule clean:
    input:
        source_files,
    output:
        table=f"{RESULTS}/datasets/{{dataset}}/crystals.npz",
        rejected=f"{RESULTS}/datasets/{{dataset}}/rejected.csv",
        test_ids=f"{RESULTS}/datasets/{{dataset}}/test_ids.json",
    log:
        f"{RESULTS}/logs/clean/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/clean/{{dataset}}.jsonl"
    conda:
        "../envs/data.yaml"
    threads: 2
    resources:
        mem_mb=data_job_memory,
        runtime=data_job_minutes,
    params:
        entry=lambda wildcards: STUDY.datasets[wildcards.dataset],
        max_rejected=config.get("cleaning", {}).get("max_rejected", 0.05),
    message:
        "Reading and cleaning {wildcards.dataset}"
    script:
        "../workflow/scripts/clean.py"


rule split:
    input:
        table=rules.clean.output.table,
        test_ids=rules.clean.output.test_ids,
        imposed_samples=imposed("samples"),
        imposed_test_ids=imposed("test_ids"),
    output:
        f"{RESULTS}/datasets/{{dataset}}/split.json",
    log:
        f"{RESULTS}/logs/split/{{dataset}}.log",
    localrule: True
    conda:
        "../envs/data.yaml"
    params:
        test_fraction=config["split"]["test_fraction"],
        seed=config["seed"],
    message:
        "Fixing the test set of {wildcards.dataset}"
    script:
        "../workflow/scripts/split.py"


rule normalise:
    input:
        table=rules.clean.output.table,
        split=rules.split.output[0],
        target_ranges=imposed("target_ranges"),
    output:
        f"{RESULTS}/datasets/{{dataset}}/scaler.json",
    log:
        f"{RESULTS}/logs/normalise/{{dataset}}.log",
    localrule: True
    conda:
        "../envs/data.yaml"
    params:
        scaling=STUDY.protocol["scaling"],
    message:
        "Scaling the targets of {wildcards.dataset} to [-1, 1]"
    script:
        "../workflow/scripts/normalise.py"


rule symmetry:
    input:
        rules.clean.output.table,
    output:
        f"{RESULTS}/datasets/{{dataset}}/symmetry.csv",
    log:
        f"{RESULTS}/logs/symmetry/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/symmetry/{{dataset}}.jsonl"
    conda:
        "../envs/data.yaml"
    threads: 2
    resources:
        mem_mb=data_job_memory,
        runtime=data_job_minutes,
    message:
        "Finding the crystal systems of {wildcards.dataset}"
    script:
        "../workflow/scripts/symmetry.py"


rule accumulate:
    input:
        tables=expand(rules.clean.output.table, dataset=STUDY.properties),
        splits=expand(rules.split.output[0], dataset=STUDY.properties),
        scalers=expand(rules.normalise.output[0], dataset=STUDY.properties),
        excluded=seen_in_test(STUDY.properties),
    output:
        table=f"{RESULTS}/cumulative/crystals.npz",
        labels=f"{RESULTS}/cumulative/labels.npz",
    log:
        f"{RESULTS}/logs/accumulate.log",
    benchmark:
        f"{RESULTS}/benchmarks/accumulate.jsonl"
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=data_job_memory,
        runtime=data_job_minutes,
    params:
        properties=STUDY.properties,
    message:
        "Merging the datasets crystal by crystal"
    script:
        "../workflow/scripts/accumulate.py"


rule overlap:
    input:
        table=rules.clean.output.table,
        test_tables=lambda wildcards: expand(
            rules.clean.output.table,
            dataset=[
                code for code in STUDY.tested_datasets if code != wildcards.dataset
            ],
        ),
        test_splits=lambda wildcards: expand(
            rules.split.output[0],
            dataset=[
                code for code in STUDY.tested_datasets if code != wildcards.dataset
            ],
        ),
    output:
        f"{RESULTS}/datasets/{{dataset}}/seen_in_test.json",
    log:
        f"{RESULTS}/logs/overlap/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/overlap/{{dataset}}.jsonl"
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=data_job_memory,
        runtime=data_job_minutes,
    message:
        "Finding crystals of {wildcards.dataset} that other datasets test on"
    script:
        "../workflow/scripts/overlap.py"
