"""All programs, by what they are about."""

from fixes import preparing, programs, values_and_files, words

TABLES = {
    "arguments": programs.ARGUMENTS,
    "data": programs.DATA,
    "labels": programs.LABELS,
    "training": programs.TRAINING,
    "own": programs.OWN,
    "layers": programs.LAYERS,
    "values": values_and_files.VALUES,
    "files": values_and_files.FILES,
    "objects": values_and_files.OBJECTS,
    "metrics": words.METRICS,
    "optimizers": words.OPTIMIZERS,
    "quantizers": words.QUANTIZERS,
    "augmentation": preparing.AUGMENTATION,
    "preprocessing": preparing.PREPROCESSING,
    "datasets": preparing.DATASETS,
}
