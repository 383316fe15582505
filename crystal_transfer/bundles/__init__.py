"""A model for one's own crystals, in a folder that stands alone.

data, names, folds, sources, plan, cost
    what goes in: crystals, who is held out together, what to start from, how to train, and what
    that asks a cluster for.
paths, start, begin, work, guards, member, side_by_side
    where files lie; trainings: what decides them, what they read and write, what must hold before
    they begin, one of them, and several at a time.
comparison, intervals, domain
    what predictions are worth: beside baselines, with intervals, and for which crystals.
bundle, predict, assembly, finetune
    the folder, what it says of crystals, how it is made of trainings, and all from crystals on.
check, pictures, report, card, templates
    what a user looks at.
"""
