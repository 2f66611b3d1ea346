"""Where the test of a module is: in the file of its name, or in one that is listed here.

`src/cornu/train/step.py` is tested by `tests/train/test_step.py`. Families of classes are rows of a
table, `pytest -k Conv2D` finds one there; what serves another module is tested through that.
"""

import pytest

from test_house import MODULES, SOURCE

TESTS = SOURCE.parent.parent / "tests"

# A module, or a folder of modules without a file of tests each -> where their tests are.
ELSEWHERE = {
    "__main__.py": "test_cli.py",
    "archive/hdf5/": "archive/hdf5",
    "archive/inspect.py": "saving/test_inspection.py",
    "archive/views.py": "archive/test_stores.py",
    "backend.py": "compat/agreement",
    "bcoo.py": "ops/test_sparse.py",
    "callbacks/callback.py": "callbacks/test_callback_list.py",
    "callbacks/notes.py": "callbacks/test_backup.py",
    "callbacks/reporting.py": "reports/test_progress.py",
    "checks/outputs.py": "test_beginners.py",
    "checks/shapes.py": "test_beginners.py",
    "checks/targets.py": "checks/test_labels.py",
    "compat/adapters.py": "compat/test_keras_src.py",
    "compat/notebook.py": "compat/test_alias.py",
    "compat/probing.py": "compat/test_alias.py",
    "compat/stand_in.py": "compat/test_alias.py",
    "config.py": "test_settings.py",
    "core/graph/op_errors.py": "ops/test_messages.py",
    "core/graph/operands.py": "core/graph/test_op.py",
    "core/graph/traced_errors.py": "fixes",
    "core/host.py": "core/test_variable.py",
    "core/logits.py": "test_activations.py",
    "core/turns.py": "train/test_threads.py",
    "data/describing/columns.py": "data/describing/test_describe.py",
    "data/describing/copies.py": "data/describing/test_describe.py",
    "data/describing/description.py": "data/describing/test_describe.py",
    "data/describing/judge.py": "data/describing/test_describe.py",
    "data/describing/labels.py": "data/describing/test_describe.py",
    "data/describing/rows.py": "data/describing/test_describe.py",
    "data/pipeline/": "data/pipeline/test_dataset.py",
    "data/folders/datasets.py": "utils/test_directories.py",
    "data/folders/scan.py": "data/folders/test_index.py",
    "data/folders/source.py": "utils/test_directories.py",
    "data/skip.py": "data/decode/test_faults.py",
    "data/source.py": "data/test_every_kind.py",
    "data/workers.py": "data/test_dataset.py",
    "datasets/boston_housing.py": "datasets/test_tables.py",
    "datasets/california_housing.py": "datasets/test_tables.py",
    "datasets/cifar10.py": "datasets/test_batches.py",
    "datasets/cifar100.py": "datasets/test_batches.py",
    "datasets/imdb.py": "datasets/test_sequences.py",
    "datasets/reuters.py": "datasets/test_sequences.py",
    "demo.py": "test_cli.py",
    "dtype_policies/": "test_dtype_policies.py",
    "initializers/initializer.py": "initializers/test_random.py",
    "kernels/letters.py": "ops/test_op.py",
    "kernels/memory.py": "kernels/test_conv.py",
    "kernels/native/": "kernels/native/test_native.py",
    "layers/attention/": "layers/attention/test_attention.py",
    "layers/augmentation/affine.py": "layers/augmentation/test_geometry.py",
    "layers/augmentation/erasing.py": "layers/augmentation/test_color.py",
    "layers/augmentation/filters.py": "layers/augmentation/test_color.py",
    "layers/augmentation/flip.py": "layers/augmentation/test_geometry.py",
    "layers/augmentation/pixel_layer.py": "layers/augmentation/test_color.py",
    "layers/augmentation/sizes.py": "layers/augmentation/test_geometry.py",
    "layers/augmentation/tone.py": "layers/augmentation/test_color.py",
    "layers/augmentation/warping.py": "layers/augmentation/test_geometry.py",
    "layers/base/activated.py": "parity/test_layers.py",
    "layers/base/by_config.py": "core/objects/test_serialize.py",
    "layers/base/data_layer.py": "compat/agreement",
    "layers/base/freezing.py": "properties/test_freezing.py",
    "layers/base/losses.py": "layers/base/test_layer.py",
    "layers/base/owner.py": "layers/base/test_own.py",
    "layers/base/policy.py": "test_mixed_precision.py",
    "layers/base/settings.py": "layers/rnn/test_settings.py",
    "layers/base/wrapper.py": "layers/test_everywhere.py",
    "layers/convolutional/": "parity/test_layers.py",
    "layers/core/": "parity/test_layers.py",
    "layers/global_pooling.py": "parity/test_layers.py",
    "layers/normalization/": "parity/test_layers.py",
    "layers/preprocessing/counting.py": "layers/preprocessing/test_index_lookup.py",
    "layers/preprocessing/encoding.py": "layers/preprocessing/test_index_lookup.py",
    "layers/preprocessing/integer_lookup.py": "layers/preprocessing/test_index_lookup.py",
    "layers/preprocessing/lookup_files.py": "layers/preprocessing/test_index_lookup.py",
    "layers/preprocessing/string_lookup.py": "layers/preprocessing/test_index_lookup.py",
    "layers/preprocessing/tables.py": "layers/preprocessing/test_index_lookup.py",
    "layers/preprocessing/texts.py": "layers/preprocessing/test_text_vectorization.py",
    "layers/preprocessing/vocabulary.py": "layers/preprocessing/test_index_lookup.py",
    "layers/quantized/": "parity/test_quantization.py",
    "layers/resizing.py": "parity/test_layers.py",
    "layers/rnn/": "layers/rnn/test_rnn.py",
    "legacy/saving.py": "utils/test_legacy.py",
    "losses/crossentropy.py": "parity/test_losses.py",
    "models/graph_config.py": "models/test_functional.py",
    "models/inputs.py": "models/test_functional.py",
    "models/quantization.py": "parity/test_quantization.py",
    "ops/core/": "ops/test_core.py",
    "ops/einops.py": "parity/test_ops.py",
    "ops/image/": "ops/test_image.py",
    "ops/image/boxes.py": "utils/test_bounding_boxes.py",
    "ops/linalg.py": "parity/test_ops.py",
    "ops/math.py": "parity/test_ops.py",
    "ops/nn/": "ops/test_nn.py",
    "ops/numpy.py": "parity/test_ops.py",
    "optimizers/legacy.py": "compat/test_private.py",
    "optimizers/rule.py": "optimizers/test_optimizer.py",
    "preprocessing/affine.py": "preprocessing/test_image.py",
    "preprocessing/file_iterators.py": "preprocessing/test_image.py",
    "preprocessing/generator.py": "preprocessing/test_image.py",
    "preprocessing/iterators.py": "preprocessing/test_image.py",
    "preprocessing/advice.py": "preprocessing/test_text.py",
    "quantizers/": "quantizers/test_quantizer.py",
    "reports/inspection.py": "saving/test_inspection.py",
    "reports/nonfinite.py": "train/watch/test_guard.py",
    "session.py": "reports/test_summary.py",
    "storage/assets.py": "storage/test_persistence.py",
    "storage/container.py": "storage/test_persistence.py",
    "storage/older_graphs.py": "storage/test_migration.py",
    "storage/weights_files.py": "storage/test_persistence.py",
    "train/compile.py": "train/test_trainer.py",
    "train/compiled_call.py": "models/test_quick_call.py",
    "train/evaluate.py": "train/test_trainer.py",
    "train/loop.py": "train/test_trainer.py",
    "train/measuring.py": "train/test_trainer.py",
    "train/objective.py": "parity/test_training.py",
    "train/on_batch.py": "train/test_trainer.py",
    "train/overrides.py": "train/test_own_steps.py",
    "train/prepare.py": "train/test_trainer.py",
    "train/run.py": "train/test_trainer.py",
    "train/trainable.py": "train/test_trainer.py",
    "train/watch/nonfinite.py": "train/watch/test_guard.py",
    "types.py": "typing",
    "version.py": "test_root.py",
    "utils/feature_space.py": "layers/preprocessing/test_feature_space.py",
}


def home_of_tests(module: str) -> str | None:
    """The tests of a module, below the folder of tests."""
    folder, _, name = module.rpartition("/")
    mirrored = f"{folder}/test_{name}".lstrip("/")
    if (TESTS / mirrored).exists():
        return mirrored
    return ELSEWHERE.get(module) or next(
        (home for key, home in ELSEWHERE.items() if key[-1] == "/" and module.startswith(key)), None
    )


@pytest.mark.parametrize(
    "module", [str(p.relative_to(SOURCE)) for p in MODULES if p.name != "__init__.py"]
)
def test_one_finds_the_tests_of_a_module(module):
    home = home_of_tests(module)
    assert home, f"write tests/**/test_{module.rpartition('/')[2]}, or list where its tests are"
    assert (TESTS / home).exists(), f"{home} is gone"


@pytest.mark.parametrize("listed", ELSEWHERE)
def test_what_is_listed_is_there(listed):
    assert (SOURCE / listed).exists()
    folder, _, name = listed.rpartition("/")
    assert not name or not (TESTS / folder / f"test_{name}").exists(), "has a file of its own"
