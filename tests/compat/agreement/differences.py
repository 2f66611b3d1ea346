"""What differs from Keras on purpose, and why: the only list of it.

Each row is a line of `docs/compatibility.md`, and patterns of the keys of the differences that it
explains (`walk.py`). A difference that no row explains fails, and so does a pattern that explains
none: a row goes when its difference is mended.
"""

from typing import NamedTuple


class Difference(NamedTuple):
    """A line for those who migrate, and the differences that it explains."""

    line: str
    keys: tuple[str, ...]


def meant(line: str, *keys: str) -> Difference:
    return Difference(line, keys)


DIFFERENCES = [
    # ---- what is not there --------------------------------------------------------------------
    meant(
        "Not there yet: `applications`, `wrappers`, `distribution`, `distillation`, `export`, "
        "`visualization`, and of `utils` what draws models.",
        "absent: applications.*",
        "absent: wrappers.*",
        "absent: distribution.*",
        "absent: distillation.*",
        "absent: export.*",
        "absent: visualization.*",
        "absent: utils.*",
    ),
    meant(
        "GPTQ and AWQ (`quantizers.GPTQConfig`, `AWQConfig`) are absent.",
        "absent: quantizers.*",
    ),
    meant(
        "`Model.export` and GPTQ's `get_quantization_layer_structure` are absent. `model.save` and "
        "`jax.export` of `model.stateless_call` are what there is.",
        "member: *.export",
        "value: * .export",
        "member: *.get_quantization_layer_structure",
        "value: * .get_quantization_layer_structure",
    ),
    meant(
        "Preprocessing layers have no `backend`. `mean` and `variance` of a "
        "`Normalization` follow from what it learned, and are set by its arguments alone.",
        "value: layers.* .backend",
        "setting: layers.Normalization* .mean",
        "setting: layers.Normalization* .variance",
    ),
    meant(
        "Layers that augment images: `transform_images` and its like take `(values, "
        "transformation, training=True)` in every layer, and batches with the channels last; "
        "helpers of single layers, such as `get_transformed_x_y`, are absent.",
        "parameters: layers.*.transform_*",
        "parameters: layers.*.get_random_transformation",
        "member: layers.*.get_*",
    ),
    # ---- what objects show --------------------------------------------------------------------
    meant(
        "Objects print what they are made of: `Adam(learning_rate=0.001)`, `History: 5 epochs, "
        "best val_loss 0.31 at epoch 4`; a model adds its numbers of layers and parameters, a "
        "symbolic tensor leaves `sparse=False, ragged=False` out. `__module__` is `cornu...`.",
        "printed: Functional*",
        "printed: Sequential *",
        "printed: Model *",
        "printed: KerasTensor",
        "printed: Input",
    ),
    meant(
        "A layer that has no weights is `built` from the start, also a `Flatten` or a "
        "`ZeroPadding2D` (some of Keras's are, some are not).",
        "printed: layers.*",
        "value: layers.*() .built",
    ),
    meant(
        "`path` of a layer or model is its name before it is built (None in Keras).",
        "value: * .path",
    ),
    meant(
        "`Sequential.input` and `.output` are there as soon as the input shape is known; in Keras "
        "they raise until the model is called on a symbolic tensor.",
        "value: Sequential * .input",
        "value: Sequential * .output",
    ),
    meant(
        "`model.build(shape)` of a subclassed model makes its weights (Keras leaves it without).",
        "value: Model built .trainable_variables",
        "value: Model built .trainable_weights",
        "value: Model built .variables",
        "value: Model built .weights",
    ),
    meant(
        "`output_shape` of a model with a dict of outputs is a dict of shapes (a list in Keras).",
        "value: Functional of a dict .output_shape",
    ),
    meant(
        "`state_size` of ConvLSTM layers holds both numbers of filters (Keras says `[-1]`).",
        "value: layers.ConvLSTM* .state_size",
        "value: layers.ConvLSTM* .single_state",
    ),
    meant(
        "Layers say in `input_spec` what they take also where Keras's leave it None, such as "
        "adaptive pooling: wrong ranks are refused at once instead of pooled over the wrong axes.",
        "value: layers.Adaptive* .input_spec",
        "error: layers.Adaptive*(an axis *)",
        "value: layers.LayerNormalization built .input_spec",
        "value: layers.RNN* .input_spec",
        "value: layers.RMSNormalization built .input_spec",
        "value: layers.TimeDistributed built .input_spec",
    ),
    meant(
        "`input_spec` of a functional model is None: the model compares inputs itself, by name, "
        "and pads or squeezes a last axis of one as Keras does.",
        "value: Functional* .input_spec",
    ),
    meant(
        "`RNN.input_spec` is one `InputSpec` also where Keras has a list of one.",
        "value: layers.SimpleRNN* .input_spec",
    ),
    meant(
        "`supports_masking` of models is True: masks pass through them.",
        "value: * .supports_masking",
    ),
    meant(
        "`regularizers.L1().l1` and `OrthogonalRegularizer().factor` are Python numbers, so "
        "configs keep their digits (arrays of float32 in Keras).",
        "value: regularizers.L1() .l1",
        "value: regularizers.OrthogonalRegularizer() .factor",
    ),
    meant(
        "`metrics.AUC.curve` and `summation_method` are the words that were given (members of "
        "private enums in Keras).",
        "value: metrics.AUC() .curve",
        "value: metrics.AUC() .summation_method",
    ),
    meant(
        "`Callback.params` is an empty dict before training (None in Keras), and holds more "
        "during it.",
        "value: callbacks.* .params",
        "value: History .params",
    ),
    meant(
        "`CallbackList.model` is None before it is set (raises in Keras); "
        "`ModelCheckpoint.min_delta` is a float.",
        "value: callbacks.CallbackList() .model",
        "value: callbacks.ModelCheckpoint() .min_delta",
    ),
    meant(
        "`monitor_op` of callbacks is known from the start where the name of the result says it.",
        "value: callbacks.* .monitor_op",
    ),
    meant(
        "`BackupAndRestore.backup_dir` is a `Path`.",
        "value: callbacks.BackupAndRestore() .backup_dir",
    ),
    meant(
        "LayerNormalization and GroupNormalization cast no inputs; they do not say so in "
        "`autocast`.",
        "value: layers.LayerNormalization* .autocast",
        "value: layers.GroupNormalization* .autocast",
    ),
    meant(
        "Results have other digits at the same seed: random streams are Cornu's own.",
        "value: History .history",
    ),
    meant(
        "Automatic names count what a program makes, not what the library makes inside.",
        "value: Functional tensor .name",
    ),
    # ---- Keras's own workings -----------------------------------------------------------------
    meant(
        "Workings of Keras that have no underscore and no documentation are absent: "
        "`call_signature_parameters`, `record_history`, the open file of `CSVLogger`, counters of "
        "`ProgbarLogger`, `implementation` of recurrent cells, and a few like them.",
        "value: * .call_signature_parameters",
        "value: * .record_history",
        "value: callbacks.CSVLogger() .*",
        "value: callbacks.ProgbarLogger() .*",
        "value: layers.LSTMCell* .implementation",
        "value: layers.GRUCell* .implementation",
        "value: layers.GroupQueryAttention built .feature_dim",
        "value: layers.SpectralNormalization built .kernel_shape",
        "value: metrics.F*Score() .axis",
        "value: SeedGenerator .backend",
        "value: * .variable_serialization_spec",
        "member: *.quantized_call",
        "member: *.rematerialized_call",
    ),
    meant(
        "`train_function` and its siblings stay None: what is compiled is kept elsewhere and made "
        "anew when anything that it depends on changes.",
        "value: Sequential fit .train_function",
    ),
    meant(
        "What follows from other attributes cannot be set: `RNN.state_size`, `SGD.momentums`.",
        "setting: layers.* .state_size",
        "setting: layers.* .single_state",
        "setting: optimizers.SGD built .momentums",
    ),
    meant(
        "Muon keeps its state in `optimizer.variables` alone.",
        "value: optimizers.Muon built .momentums",
        "value: optimizers.Muon built .adam_velocities",
    ),
    meant(
        "`Function.inputs`, `.outputs` and `.operations` belong to instances, not to the class.",
        "member: Function.*",
    ),
    # ---- signatures ---------------------------------------------------------------------------
    meant(
        "`strides=1` and `dilation_rate=1` are the defaults of convolutions of any rank, for "
        "Keras's `(1, 1)`; the attributes are tuples in both.",
        "parameters: layers.Conv2D*",
        "parameters: layers.Conv3D*",
        "parameters: layers.DepthwiseConv2D",
        "parameters: layers.SeparableConv2D",
    ),
    meant(
        "`name=None` is the default of losses; the name is that of the function, as in Keras.",
        "parameters: losses.*",
    ),
    meant(
        "`optimizer.build(variables)` takes its argument under both of Keras's names.",
        "parameters: optimizers.*.build",
        "parameters: mixed_precision.LossScaleOptimizer.build",
    ),
    meant(
        "The settings of Muon that follow those of all optimizers are taken by name alone.",
        "parameters: optimizers.Muon",
    ),
    meant(
        "Layers take the arguments that their computation has where Keras says `*args, **kwargs`; "
        "what is not known is refused with the name that may be meant.",
        "parameters: layers.*.quantized_call",
        "parameters: layers.*.compute_output_spec",
        "parameters: Operation",
        "parameters: Sequential",
        "parameters: name_scope",
        "parameters: Sequential.call",
        "parameters: Sequential.compute_output_spec",
    ),
    meant(
        "`build` of wrappers may be called without a shape.",
        "parameters: layers.SpectralNormalization.build",
        "parameters: layers.TimeDistributed.build",
    ),
    meant(
        "`name_scope` is a function that gives a context, and `tree.MAP_TO_NONE` an object; both "
        "are used as in Keras.",
        "class: name_scope",
        "class: tree.MAP_TO_NONE",
        "error: tree.MAP_TO_NONE*",
    ),
    meant(
        "A second name is the same object as the first: `ops.abs is ops.absolute`, so its "
        "`__name__` is the first.",
        "class: ops.* .__name__",
        "class: backend.* .__name__",
    ),
    meant(
        "`optimizers.legacy` has a class for each optimizer, which says what to use today (one "
        "class under all names in Keras).",
        "class: optimizers.legacy.*",
    ),
    # ---- errors -------------------------------------------------------------------------------
    meant(
        "Layers of text and hashes (`StringLookup`, `IntegerLookup`, `TextVectorization`, "
        "`Hashing`, `HashedCrossing`) need no TensorFlow, which Keras asks for.",
        "error: layers.*Lookup(*)",
        "error: layers.TextVectorization(*)",
        "error: layers.Hash*(*)",
        "parameters: layers.TextVectorization.build",
    ),
    meant(
        "Where Keras fails by accident (IndexError, KeyError, ZeroDivisionError, or a TypeError "
        "of None), a ValueError says what is wrong with the arguments.",
        "error: layers.*(a scalar)",
        "error: layers.*(an axis less)",
        "error: layers.*(unknown sizes)",
        "error: layers.Conv?DTranspose(*)(an axis more)",
        "error: optimizers.get(*)",
    ),
    meant(
        "Ranks that a layer cannot compute are refused when a graph is made, as later in the call.",
        "error: layers.GroupQueryAttention(*)(an axis more)",
        "error: layers.EinsumDense(*)(an axis more)",
    ),
    meant(
        "Recurrent cells take any number of leading axes; `StackedRNNCells` passes on what its "
        "cells take.",
        "error: layers.*Cell*(*)(an axis more)",
        "error: layers.StackedRNNCells(*)(x, no_such_argument=1)",
    ),
    meant(
        "What is no config (an object, a number, a class that is not known) is refused by "
        "`deserialize`; Keras returns it, or the unknown name.",
        "error: *.deserialize(*)",
        "error: dtype_policies.get(an unknown class)",
    ),
    meant(
        "A number, list or word that stands for no activation is handed through by "
        "`activations.serialize`, as all other `serialize` do.",
        "error: activations.serialize(*)",
    ),
    meant(
        "Unknown arguments are a ValueError where layers take them and a TypeError elsewhere, in a "
        "few classes the other way round than in Keras; `Variable` refuses them too.",
        "error: KerasTensor(no_such_argument=1)",
        "error: Variable(no_such_argument=1)",
        "error: layers.InputLayer(no_such_argument=1)",
        "error: layers.FlaxLayer(no_such_argument=1)",
        "error: layers.SpatialDropout?D(no_such_argument=1)",
        "error: layers.TorchModuleWrapper(no_such_argument=1)",
    ),
    meant(
        "`activations.get` of a config with an unknown class is a ValueError, as of an unknown "
        "name.",
        "error: activations.get(an unknown class)",
    ),
]
