# Models that stand alone: an ensemble per experiment of kind finetune, one job per member.

BUNDLE = LAYOUT.bundle("{bundle}")
WORK = paths.WorkPaths(Path(BUNDLE, paths.WORK))


rule begin_bundle:
    input:
        table=lambda wildcards: bundle_dataset(wildcards).table,
        test_ids=lambda wildcards: bundle_dataset(wildcards).test_ids,
        imposed_test_ids=STUDY.imposed("test_ids"),
        named=bundle_files,
    output:
        plan=temp(str(WORK.description)),
        remark=temp(str(WORK.remark)),
        inputs=temp(directory(str(WORK.inputs))),
    log:
        LAYOUT.log("bundle", "{bundle}_begin"),
    conda:
        "../envs/data.yaml"
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        version=[DATA_VERSION, start.FORMAT],
        dataset=lambda wildcards: STUDY.config.bundles[wildcards.bundle].dataset,
        options=lambda wildcards: STUDY.bundle_options(wildcards.bundle),
    message:
        "Dividing the crystals of {wildcards.bundle} into folds"
    script:
        "../workflow/scripts/begin_bundle.py"


rule train_member:
    input:
        plan=rules.begin_bundle.output.plan,
        inputs=rules.begin_bundle.output.inputs,
    output:
        **{name: temp(str(path)) for name, path in WORK.part("{part}").outputs.items()},
    log:
        LAYOUT.log("bundle", "{bundle}_{part}"),
    benchmark:
        LAYOUT.benchmark("bundle", "{bundle}_{part}")
    conda:
        "../envs/training.yaml"
    resources:
        **cost.gpu_request(STUDY),
        trainings=1,
        mem_mb=member_memory,
        runtime=member_minutes,
    params:
        version=RESULTS_VERSION,
    message:
        "Training {wildcards.part} of {wildcards.bundle}"
    script:
        "../workflow/scripts/train_member.py"


rule bundle:
    input:
        plan=rules.begin_bundle.output.plan,
        inputs=rules.begin_bundle.output.inputs,
        parts=lambda wildcards: [
            str(path).format(bundle=wildcards.bundle)
            for part in parts_of(STUDY.config.bundles[wildcards.bundle].folds)
            for path in WORK.part(part.name).outputs.values()
        ],
        table=rules.begin_bundle.input.table,
        test_ids=rules.begin_bundle.input.test_ids,
        imposed_test_ids=STUDY.imposed("test_ids"),
    output:
        f"{BUNDLE}/{paths.DESCRIPTION}",
    log:
        LAYOUT.log("bundle", "{bundle}"),
    conda:
        "../envs/data.yaml"
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=lambda wildcards, attempt: 120 * attempt,
    params:
        dataset=rules.begin_bundle.params.dataset,
        rejected=lambda wildcards: bundle_dataset(wildcards).rejected,
    message:
        "Making the model {wildcards.bundle}"
    script:
        "../workflow/scripts/make_bundle.py"


rule bundles:
    input:
        [f"{LAYOUT.bundle(name)}/{paths.DESCRIPTION}" for name in STUDY.config.bundles],
    localrule: True
