# Every crystal of a dataset as a graph, once, for all runs.


rule graphs:
    input:
        rules.clean.output.table,
    output:
        directory(LAYOUT.graphs("{dataset}", "{bond_rule}")),
    log:
        LAYOUT.log("graphs", "{bond_rule}_{dataset}"),
    benchmark:
        LAYOUT.benchmark("graphs", "{bond_rule}_{dataset}")
    conda:
        "../envs/data.yaml"
    threads: 2
    resources:
        mem_mb=data_job_memory,
        runtime=data_job_minutes,
    params:
        version=DATA_VERSION,
        bond_rule=lambda wildcards: wildcards.bond_rule,
        compress=STUDY.config.graphs.compress,
    message:
        "Building the graphs of {wildcards.dataset}"
    script:
        "../workflow/scripts/build_graphs.py"


use rule graphs as cumulative_graphs with:
    input:
        rules.accumulate.output.table,
    output:
        directory(LAYOUT.merged.graphs),
    log:
        LAYOUT.log("graphs", "cumulative"),
    benchmark:
        LAYOUT.benchmark("graphs", "cumulative")
    params:
        version=DATA_VERSION,
        bond_rule=STUDY.merged_bond_rule.value,
        compress=STUDY.config.graphs.compress,
    message:
        "Building the graphs of all datasets together"
