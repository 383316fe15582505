# One rule per kind of run; all share one script and one layout of results.


rule pretrain:
    input:
        unpack(training_inputs),
    output:
        **LAYOUT.run("{run}").outputs,
    log:
        LAYOUT.run("{run}").log,
    benchmark:
        LAYOUT.benchmark("train", "{run}")
    wildcard_constraints:
        run="pretrain_.+",
    priority: training_priority
    conda:
        "../envs/training.yaml"
    threads: STUDY.config.training.threads
    resources:
        **cost.gpu_request(STUDY),
        trainings=1,
        mem_mb=training_memory,
        runtime=training_minutes,
    params:
        run=training_description,
        settings=training_settings,
        checkpoint=training_checkpoint,
        version=RESULTS_VERSION,
    script:
        "../workflow/scripts/train.py"


use rule pretrain as multipretrain with:
    wildcard_constraints:
        run="multipretrain_.+",


# The trials of a cell, which start alike, can share a job: `groups` of slurm/profile.v9+.yaml.
use rule pretrain as scratch with:
    output:
        **LAYOUT.run("{cell}_t{trial}").outputs,
    log:
        LAYOUT.run("{cell}_t{trial}").log,
    benchmark:
        LAYOUT.benchmark("train", "{cell}_t{trial}")
    wildcard_constraints:
        cell="scratch_.+",


use rule scratch as finetune with:
    wildcard_constraints:
        cell="finetune_.+",
