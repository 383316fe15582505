# Which pre-training helps which small dataset? The study is config.yaml; docs/ explains the rest.
#
#   snakemake --cores 2                                          everything, on this machine
#   snakemake --profile slurm                                    everything, on a cluster
#   snakemake --profile demo                                     the demo: minutes, no network
#   snakemake results/figures/fig6b_pairwise_heatmap.svg -c2     one figure and what it needs
#   snakemake -n                                                 what would run
from snakemake.utils import min_version

min_version("9.0")


configfile: "config.yaml"


report: "workflow/report/study.rst"


include: "rules/common.smk"
include: "rules/data.smk"
include: "rules/graphs.smk"
include: "rules/training.smk"
include: "rules/figures.smk"


rule paper:
    input:
        rules.figures.input,
        rules.tables.input,
    localrule: True


rule all:
    default_target: True
    input:
        rules.paper.input,
    localrule: True


onstart:
    claim_study(log[0])


onerror:
    print_failures()


onsuccess:
    print(
        "\n".join(
            [
                "Done. To look at:",
                f"  {RESULTS}/figures/    the figures, each as svg, png, pdf and csv",
                f"  {RESULTS}/tables/     mean and 95 % confidence interval of every cell",
                f"  {RESULTS}/runs/       weights, metrics and predictions of every run",
                f"  {RESULTS}/report.html all of it on one page (snakemake --report)",
            ]
        )
    )
