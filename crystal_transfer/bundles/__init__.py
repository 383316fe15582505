"""A model for one's own crystals, in a folder that stands alone.

data, names, folds, sources, plan, cost
    what goes in: crystals, who is held out together, what to start from, how to train, and what
    that asks a cluster for.
paths, begin, work, member, side_by_side
    where files lie; trainings: what they read and write, one of them, and several at a time.
comparison, intervals, domain
    what predictions are worth: beside baselines, with intervals, and for which crystals.
bundle, predict, finetune
    the folder, what it says of crystals, and how it is made.
check, pictures, report, card, templates
    what a user looks at.
"""
