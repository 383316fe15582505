# From the metrics of runs to tables and figures. A figure asks only for the runs it shows.


rule table:
    input:
        metrics=lambda wildcards: run_files(
            STUDY.grid[wildcards.experiment], "metrics.json"
        ),
    output:
        runs=f"{RESULTS}/tables/{{experiment}}_runs.csv",
        cells=report(
            f"{RESULTS}/tables/{{experiment}}_cells.csv",
            caption="../workflow/report/table.rst",
            category="Tables",
            labels={"experiment": "{experiment}"},
        ),
    log:
        f"{RESULTS}/logs/table/{{experiment}}.log",
    localrule: True
    conda:
        "../envs/data.yaml"
    message:
        "Collecting the results of {wildcards.experiment}"
    script:
        "../workflow/scripts/tabulate.py"


# Asks for the results of all runs, not for the records: older results have none.
rule usage:
    input:
        run_files(STUDY.runs.values(), "metrics.json"),
        [dataset_files(shown) for shown in STUDY.dataset_figures.values()],
    output:
        report(
            f"{RESULTS}/tables/usage.csv",
            caption="../workflow/report/usage.rst",
            category="Tables",
            labels={"experiment": "time and memory of jobs"},
        ),
    log:
        f"{RESULTS}/logs/usage.log",
    localrule: True
    conda:
        "../envs/data.yaml"
    params:
        records=f"{RESULTS}/benchmarks",
    message:
        "Comparing what jobs asked for with what they used"
    script:
        "../workflow/scripts/tabulate_usage.py"


for figure, shown in STUDY.dataset_figures.items():

    rule:
        name:
            figure
        input:
            dataset_files(shown),
        output:
            *figure_files(figure, shown),
        log:
            f"{RESULTS}/logs/figures/{figure}.log",
        localrule: True
        conda:
            "../envs/data.yaml"
        params:
            draw=shown.draw,
            files=named_dataset_files(shown),
            datasets={code: STUDY.datasets[code] for code in STUDY.used_datasets},
            options=shown.options(STUDY.grid),
        message:
            f"Drawing {figure}"
        script:
            "../workflow/scripts/draw_datasets.py"


for figure, shown in STUDY.run_figures.items():

    rule:
        name:
            figure
        input:
            metrics=run_files(shown.runs(STUDY.grid), "metrics.json"),
            details=[
                path
                for name in shown.details
                for path in run_files(shown.runs(STUDY.grid), name)
            ],
        output:
            *figure_files(figure, shown),
        log:
            f"{RESULTS}/logs/figures/{figure}.log",
        localrule: True
        conda:
            "../envs/data.yaml"
        params:
            draw=shown.draw,
            datasets={code: STUDY.datasets[code] for code in STUDY.used_datasets},
            options=shown.options,
        message:
            f"Drawing {figure}"
        script:
            "../workflow/scripts/draw_figure.py"


rule tables:
    input:
        expand(rules.table.output.cells, experiment=STUDY.grid),
        rules.usage.output,
    localrule: True


rule figures:
    input:
        expand(
            f"{RESULTS}/figures/{{figure}}.svg",
            figure=[*STUDY.dataset_figures, *STUDY.run_figures],
        ),
    localrule: True
