# Models without a graph network: all sizes and trials of a dataset in one job, since each takes seconds.


rule features:
    input:
        rules.clean.output.table,
    output:
        LAYOUT.features("{dataset}"),
    log:
        LAYOUT.log("features", "{dataset}"),
    benchmark:
        LAYOUT.benchmark("features", "{dataset}")
    conda:
        "../envs/data.yaml"
    threads: 2
    resources:
        mem_mb=data_job_memory,
        runtime=lambda wildcards, attempt: 4 * data_job_minutes(wildcards, attempt),
    params:
        version=DATA_VERSION,
    message:
        "Computing what baselines see of {wildcards.dataset}"
    script:
        "../workflow/scripts/compute_features.py"


rule baselines:
    input:
        table=rules.clean.output.table,
        split=rules.split.output[0],
        scaler=rules.normalise.output[0],
        features=rules.features.output[0],
    output:
        LAYOUT.baselines("{experiment}", "{dataset}"),
    log:
        LAYOUT.log("baselines", "{experiment}_{dataset}"),
    benchmark:
        LAYOUT.benchmark("baselines", "{experiment}_{dataset}")
    conda:
        "../envs/data.yaml"
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 120 * attempt,
    params:
        version=DATA_VERSION,
        sizes=lambda wildcards: STUDY.config.baselines[wildcards.experiment].sizes_of(
            wildcards.dataset
        ),
        trials=lambda wildcards: STUDY.config.baselines[wildcards.experiment].trials,
        models=lambda wildcards: STUDY.config.baselines[wildcards.experiment].models,
    message:
        "Training baselines on {wildcards.dataset}"
    script:
        "../workflow/scripts/train_baselines.py"


rule baseline_table:
    input:
        lambda wildcards: [
            LAYOUT.baselines(wildcards.experiment, code)
            for code in STUDY.config.baselines[wildcards.experiment].datasets
        ],
    output:
        runs=LAYOUT.table("{experiment}", "runs"),
        cells=report(
            LAYOUT.table("{experiment}", "cells"),
            caption="../workflow/report/table.rst",
            category="Tables",
            labels={"experiment": "{experiment}"},
        ),
    log:
        LAYOUT.log("table", "{experiment}"),
    wildcard_constraints:
        experiment=one_of(STUDY.config.baselines),
    localrule: True
    conda:
        "../envs/data.yaml"
    message:
        "Collecting the results of {wildcards.experiment}"
    script:
        "../workflow/scripts/tabulate_baselines.py"
