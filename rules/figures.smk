# From the metrics of runs to tables and figures. A figure asks only for the runs it shows.


rule table:
    input:
        metrics=lambda wildcards: STUDY.metrics(STUDY.grid[wildcards.experiment]),
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
        experiment=one_of(STUDY.grid),
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
        [LAYOUT.table(name, "runs") for name in [*STUDY.grid, *STUDY.config.baselines]],
        STUDY.metrics(run for run in STUDY.runs.values() if run.is_pretraining),
        [LAYOUT.dataset(code).symmetry for code in STUDY.used_datasets],
    output:
        report(
            LAYOUT.usage,
            caption="../workflow/report/usage.rst",
            category="Tables",
            labels={"experiment": "time and memory of jobs"},
        ),
    log:
        LAYOUT.log("usage", "usage"),
    localrule: True
    conda:
        "../envs/data.yaml"
    params:
        records=LAYOUT.benchmarks,
    message:
        "Comparing what jobs asked for with what they used"
    script:
        "../workflow/scripts/tabulate_usage.py"


for name, figure in STUDY.figures.items():

    rule:
        name:
            name
        input:
            **STUDY.figure_inputs(name),
        output:
            *figure_files(name),
        log:
            LAYOUT.log("figures", name),
        localrule: True
        conda:
            "../envs/data.yaml"
        params:
            drawing=figure.drawing,
            datasets={
                code: vars(quantity) for code, quantity in STUDY.quantities.items()
            },
            options=STUDY.figure_options(name),
        message:
            f"Drawing {name}"
        script:
            "../workflow/scripts/draw.py"


# The paper's figures from its published numbers: seconds, and no training.
rule published_figures:
    input:
        published=STUDY.published,
    output:
        [
            LAYOUT.published_figure(figure, suffix)
            for figure in PUBLISHED_FIGURES
            for suffix in FORMATS
        ],
    log:
        LAYOUT.log("published_figures", "all"),
    localrule: True
    conda:
        "../envs/data.yaml"
    params:
        palette=STUDY.config.figures.palette,
    message:
        "Drawing the paper's figures from its published numbers"
    script:
        "../workflow/scripts/draw_published.py"


# What the paper says, counted from its published numbers and from the study's own runs.
rule claims:
    input:
        runs=[LAYOUT.table(name, "runs") for name in STUDY.compared],
        published=STUDY.published,
    output:
        report(
            LAYOUT.claims,
            caption="../workflow/report/claims.rst",
            category="Tables",
            labels={"experiment": "the paper's claims"},
        ),
    log:
        LAYOUT.log("claims", "claims"),
    localrule: True
    conda:
        "../envs/data.yaml"
    message:
        "Counting the paper's claims"
    script:
        "../workflow/scripts/count_claims.py"


# The first page of the report: what was run, what won, what to beware of.
rule story:
    input:
        runs=[
            LAYOUT.table(name, "runs")
            for name in [*STUDY.grid, *STUDY.config.baselines]
        ],
        picture=[
            LAYOUT.figure(name, "png")
            for name in ["pairwise_heatmap"]
            if name in STUDY.figures
        ],
    output:
        LAYOUT.story,
    log:
        LAYOUT.log("story", "story"),
    localrule: True
    conda:
        "../envs/data.yaml"
    params:
        experiments={
            name: STUDY.config.experiments[name].kind
            for name in [*STUDY.grid, *STUDY.config.baselines]
        },
        protocol=STUDY.config.protocol,
        switches={name: word.value for name, word in vars(STUDY.protocol).items()},
        own_tests=STUDY.config.imposed.samples is not None
        and STUDY.config.imposed.test_ids is None,
    message:
        "Writing the first page of the report"
    script:
        "../workflow/scripts/tell_story.py"


rule tables:
    input:
        [
            LAYOUT.table(experiment, "cells")
            for experiment in [*STUDY.grid, *STUDY.config.baselines]
        ],
        # a study of models that stand alone has no cells
        [rules.usage.output, rules.claims.output, rules.story.output]
        if STUDY.grid
        else [],
    localrule: True


rule figures:
    input:
        [LAYOUT.figure(name, suffix) for name in STUDY.figures for suffix in FORMATS],
    localrule: True
