"""Checks of data, labels, outputs and loss before the first step."""

from cornu.checks.indices import check_indices as check_indices
from cornu.checks.inputs import check_inputs as check_inputs
from cornu.checks.labels import (
    check_classes as check_classes,
    check_labels as check_labels,
    check_split as check_split,
)
from cornu.checks.outputs import Output as Output
