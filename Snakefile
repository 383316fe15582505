# Which pre-training helps which small dataset? The study is config.yaml; docs/ explains the rest.
#
#   snakemake --cores 2                                          everything, on this machine
#   snakemake --profile slurm                                    everything, on a cluster
#   snakemake --profile demo                                     the demo: minutes, no network
#   snakemake results/figures/pairwise_heatmap.svg -c2     one figure and what it needs
#   snakemake -n                                                 what would run
#
# Without --configfile the study is that of config.yaml, the paper's.
from snakemake.utils import min_version

min_version("9.27")


include: "rules/common.smk"


# what the study found, once there is something to tell
report:
    os.path.abspath(LAYOUT.story)
    if os.path.exists(LAYOUT.story)
    else "workflow/report/study.rst"


include: "rules/data.smk"
include: "rules/graphs.smk"
include: "rules/training.smk"
include: "rules/baselines.smk"
include: "rules/bundles.smk"
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
        rules.bundles.input,
    localrule: True


onstart:
    claim_study(log[0])
    set_outdated_aside()


onerror:
    print_failures()


onsuccess:
    print_what_to_look_at()
