# From a dataset's source to clean crystals, a fixed test set and scaled targets.

DOWNLOADS = {
    file["name"]: file
    for entry in STUDY.datasets.values()
    for file in entry.get("files", [])
}


def source_files(wildcards):
    """Give the files a dataset is read from."""
    entry = STUDY.datasets[wildcards.dataset]
    if entry["source"] == "file":
        paths = [entry["path"], *filter(None, [entry.get("test_path")])]
        return [f"{path}/id_prop.csv" if Path(path).is_dir() else path for path in paths]
    by_web = entry.get("join", {}).get("structures") == "materials_project"
    files = entry.get("files", [])[: 1 if by_web else None]
    return [f"resources/downloads/{file['name']}" for file in files]


def imposed(key):
    """Give the file of an imposed split, if the config names one."""
    path = config.get("imposed", {}).get(key)
    return [path] if path else []


rule download:
    output:
        "resources/downloads/{file}",
    params:
        file=lambda wildcards: DOWNLOADS[wildcards.file],
        mirror=config.get("mirror"),
    wildcard_constraints:
        file="|".join(DOWNLOADS),
    log:
        f"{RESULTS}/logs/download/{{file}}.log",
    conda:
        "../envs/data.yaml"
    localrule: True
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
    params:
        entry=lambda wildcards: STUDY.datasets[wildcards.dataset],
        max_rejected=config.get("cleaning", {}).get("max_rejected", 0.05),
    log:
        f"{RESULTS}/logs/clean/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/clean/{{dataset}}.tsv"
    conda:
        "../envs/data.yaml"
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=60,
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
    params:
        test_fraction=config["split"]["test_fraction"],
        seed=config["seed"],
    log:
        f"{RESULTS}/logs/split/{{dataset}}.log",
    conda:
        "../envs/data.yaml"
    localrule: True
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
    params:
        scaling=STUDY.protocol["scaling"],
    log:
        f"{RESULTS}/logs/normalise/{{dataset}}.log",
    conda:
        "../envs/data.yaml"
    localrule: True
    message:
        "Scaling the targets of {wildcards.dataset} to [-1, 1]"
    script:
        "../workflow/scripts/normalise.py"


rule overlap:
    input:
        table=rules.clean.output.table,
        test_tables=lambda wildcards: expand(
            rules.clean.output.table,
            dataset=[code for code in STUDY.tested_datasets if code != wildcards.dataset],
        ),
        test_splits=lambda wildcards: expand(
            rules.split.output[0],
            dataset=[code for code in STUDY.tested_datasets if code != wildcards.dataset],
        ),
    output:
        f"{RESULTS}/datasets/{{dataset}}/seen_in_test.json",
    log:
        f"{RESULTS}/logs/overlap/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/overlap/{{dataset}}.tsv"
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=240,
    message:
        "Finding crystals of {wildcards.dataset} that other datasets test on"
    script:
        "../workflow/scripts/overlap.py"
