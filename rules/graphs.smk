# Every crystal of a dataset as a graph, once, for all runs.


rule graphs:
    input:
        rules.clean.output.table,
    output:
        directory(LAYOUT.dataset("{dataset}").graphs),
    log:
        LAYOUT.log("graphs", "{dataset}"),
    benchmark:
        LAYOUT.benchmark("graphs", "{dataset}")
    conda:
        "../envs/data.yaml"
    threads: 2
    resources:
        mem_mb=data_job_memory,
        runtime=data_job_minutes,
    params:
        neighbours=STUDY.protocol.neighbours.value,
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
    message:
        "Building the graphs of all datasets together"
