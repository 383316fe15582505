# From a dataset's source to clean crystals, a fixed test set and scaled targets.

DOWNLOADS = {
    file.name: file for entry in STUDY.datasets.values() for file in entry.downloads
}


rule download:
    output:
        "resources/downloads/{file}",
    log:
        LAYOUT.log("download", "{file}"),
    wildcard_constraints:
        file=one_of(DOWNLOADS),
    localrule: True
    conda:
        "../envs/data.yaml"
    params:
        # where it comes from (mirror) is no parameter: another way to the same file changes nothing
        file=lambda wildcards: DOWNLOADS[wildcards.file].model_dump(),
    message:
        "Downloading {wildcards.file}"
    script:
        "../workflow/scripts/download.py"


rule clean:
    input:
        source_files,
    output:
        table=LAYOUT.dataset("{dataset}").table,
        test_ids=LAYOUT.dataset("{dataset}").test_ids,
    log:
        LAYOUT.log("clean", "{dataset}"),
        # a log: Snakemake deletes the outputs of a job that fails, and then it is needed most
        rejected=LAYOUT.dataset("{dataset}").rejected,
    benchmark:
        LAYOUT.benchmark("clean", "{dataset}")
    conda:
        "../envs/data.yaml"
    threads: 2
    resources:
        mem_mb=data_job_memory,
        runtime=data_job_minutes,
    params:
        version=DATA_VERSION,
        entry=lambda wildcards: STUDY.entry(wildcards.dataset),
        # how many rows may be rejected is none: it decides whether the job fails, not what it leaves
    message:
        "Reading and cleaning {wildcards.dataset}"
    script:
        "../workflow/scripts/clean.py"


rule split:
    input:
        table=rules.clean.output.table,
        test_ids=rules.clean.output.test_ids,
        imposed_samples=STUDY.imposed("samples"),
        imposed_test_ids=STUDY.imposed("test_ids"),
    output:
        LAYOUT.dataset("{dataset}").split,
    log:
        LAYOUT.log("split", "{dataset}"),
    benchmark:
        LAYOUT.benchmark("split", "{dataset}")
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=data_job_memory,
        runtime=data_job_minutes,
        # not a parameter: another size must not draw another test set
        largest_sample=lambda wildcards: STUDY.largest_sample(wildcards.dataset),
    params:
        version=DATA_VERSION,
        test_fraction=STUDY.test_fraction,
        seed=STUDY.config.seed,
        equals=STUDY.protocol.equals_in_pool.value,
        # where nothing is imposed nothing depends on it, and it would draw test sets again
        is_tested=lambda wildcards, input: (
            wildcards.dataset in STUDY.tested_datasets
            if input.imposed_samples or input.imposed_test_ids
            else None
        ),
    message:
        "Fixing the test set of {wildcards.dataset}"
    script:
        "../workflow/scripts/split.py"


rule normalise:
    input:
        table=rules.clean.output.table,
        split=rules.split.output[0],
        target_ranges=STUDY.imposed("target_ranges"),
    output:
        LAYOUT.dataset("{dataset}").scaler,
    log:
        LAYOUT.log("normalise", "{dataset}"),
    localrule: True
    conda:
        "../envs/data.yaml"
    params:
        version=DATA_VERSION,
        scaling=STUDY.protocol.scaling.value,
        unit=lambda wildcards: STUDY.datasets[wildcards.dataset].unit,
        # where no range is imposed nothing depends on it
        is_tested=lambda wildcards, input: (
            wildcards.dataset in STUDY.tested_datasets if input.target_ranges else None
        ),
    message:
        "Scaling the targets of {wildcards.dataset} to [-1, 1]"
    script:
        "../workflow/scripts/normalise.py"


rule symmetry:
    input:
        rules.clean.output.table,
    output:
        LAYOUT.dataset("{dataset}").symmetry,
    log:
        LAYOUT.log("symmetry", "{dataset}"),
    benchmark:
        LAYOUT.benchmark("symmetry", "{dataset}")
    conda:
        "../envs/data.yaml"
    threads: 2
    resources:
        mem_mb=data_job_memory,
        runtime=data_job_minutes,
    params:
        version=DATA_VERSION,
    message:
        "Finding the crystal systems of {wildcards.dataset}"
    script:
        "../workflow/scripts/symmetry.py"


rule accumulate:
    input:
        tables=expand(rules.clean.output.table, dataset=STUDY.properties),
        splits=expand(rules.split.output[0], dataset=STUDY.properties),
        scalers=expand(rules.normalise.output[0], dataset=STUDY.properties),
        excluded=STUDY.excluded(STUDY.properties),
    output:
        table=LAYOUT.merged.table,
        labels=LAYOUT.merged.labels,
    log:
        LAYOUT.log("accumulate", "cumulative"),
    benchmark:
        LAYOUT.benchmark("accumulate", "cumulative")
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=data_job_memory,
        runtime=data_job_minutes,
    params:
        version=DATA_VERSION,
        properties=STUDY.properties,
    message:
        "Merging the datasets crystal by crystal"
    script:
        "../workflow/scripts/accumulate.py"


rule overlap:
    input:
        table=rules.clean.output.table,
        test_tables=lambda wildcards: [
            files.table for files in STUDY.other_tests(wildcards.dataset)
        ],
        test_splits=lambda wildcards: [
            files.split for files in STUDY.other_tests(wildcards.dataset)
        ],
    output:
        LAYOUT.dataset("{dataset}").seen_in_test,
    log:
        LAYOUT.log("overlap", "{dataset}"),
    benchmark:
        LAYOUT.benchmark("overlap", "{dataset}")
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=data_job_memory,
        runtime=data_job_minutes,
    params:
        version=DATA_VERSION,
    message:
        "Finding crystals of {wildcards.dataset} that others are tested on"
    script:
        "../workflow/scripts/overlap.py"


rule shared_tests:
    input:
        table=rules.clean.output.table,
        split=rules.split.output[0],
        others=lambda wildcards: [
            LAYOUT.dataset(code).table
            for code in STUDY.other_datasets(wildcards.dataset)
        ],
    output:
        LAYOUT.dataset("{dataset}").shared_tests,
    log:
        LAYOUT.log("shared_tests", "{dataset}"),
    benchmark:
        LAYOUT.benchmark("shared_tests", "{dataset}")
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=data_job_memory,
        runtime=data_job_minutes,
    params:
        version=DATA_VERSION,
        others=lambda wildcards: STUDY.other_datasets(wildcards.dataset),
    message:
        "Finding test crystals of {wildcards.dataset} that other datasets have too"
    script:
        "../workflow/scripts/shared_tests.py"
