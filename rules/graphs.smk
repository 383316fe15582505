# Every crystal of a dataset as a graph, once, for all runs.


rule graphs:
    input:
        rules.clean.output.table,
    output:
        directory(f"{RESULTS}/graphs/{{dataset}}"),
    log:
        f"{RESULTS}/logs/graphs/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/graphs/{{dataset}}.jsonl"
    conda:
        "../envs/data.yaml"
    threads: 2
    resources:
        mem_mb=data_job_memory,
        runtime=data_job_minutes,
    params:
        neighbours=STUDY.protocol["neighbours"],
        compress=config["graphs"]["compress"],
    message:
        "Building the graphs of {wildcards.dataset}"
    script:
        "../workflow/scripts/build_graphs.py"


use rule graphs as cumulative_graphs with:
    input:
        rules.accumulate.output.table,
    output:
        directory(f"{RESULTS}/cumulative/graphs"),
    log:
        f"{RESULTS}/logs/graphs/cumulative.log",
    benchmark:
        f"{RESULTS}/benchmarks/graphs/cumulative.jsonl"
    message:
        "Building the graphs of all datasets together"
