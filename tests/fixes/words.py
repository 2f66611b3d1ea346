"""Programs with one mistake each in what a model is compiled with: metrics, losses, optimizers."""

from fixes.programs import Program

MODEL = (
    "model = keras.Sequential([keras.Input((4,)), layers.Dense(3)])\n"
    "gradients = [np.zeros(v.shape, 'float32') for v in model.trainable_variables]\n"
    "optimizer = keras.optimizers.SGD(0.1)\n"
)
MULTI = (
    "inner = keras.optimizers.OptimizerMap(keras.optimizers.SGD(0.1))\n"
    "optimizer = keras.optimizers.MultiOptimizer(inner)\n"
)

METRICS = {
    "labels for AUC": Program("keras.metrics.AUC()(y, hot)"),
    "a class of binary scores": Program("keras.metrics.Precision(class_id=1)(x[:, 0] > 0, x[:, 1])",
                                        only=(0,)),
    "no update": Program("class Own(keras.metrics.Metric):\n    pass\nOwn().update_state(x, x)"),
    "too few values of a state": Program(
        "metric = keras.metrics.Mean()\nmetric.stateless_update_state([0.0], x)"),
    "scores for labels": Program("keras.metrics.MeanIoU(3)(y, hot)", only=(0,)),
    "labels for F1": Program("keras.metrics.F1Score()(y, hot)", only=(0,)),
    "vectors for R2": Program(
        "y_true, y_pred = np.eye(3)[0], np.eye(3)[1]\nkeras.metrics.R2Score()(y_true, y_pred)"),
    "labels for a binary loss": Program("keras.losses.binary_crossentropy(y, hot)", only=()),
}  # fmt: skip

OPTIMIZERS = {
    "no weight decay of AdamW": Program("keras.optimizers.AdamW(weight_decay=None)", only=(0,)),
    "two clippings": Program("keras.optimizers.SGD(0.1, clipnorm=1.0, clipvalue=2.0)"),
    "one rate of several optimizers": Program(f"{MULTI}optimizer.learning_rate = 0.1", only=()),
    "a scale that stays": Program(
        "keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1), dynamic=False)",
        only=(0,)),
    "clipping around a scale": Program(
        "keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1), clipnorm=1.0)"),
    "a map of words": Program("keras.optimizers.OptimizerMap('adam')"),
    "several optimizers in a word": Program("keras.optimizers.MultiOptimizer('adam')"),
    "a key again": Program(
        "optimizer_map = keras.optimizers.OptimizerMap(keras.optimizers.SGD(0.1))\n"
        "optimizer_map['a'] = keras.optimizers.SGD(0.2)\n"
        "optimizer_map['a'] = keras.optimizers.SGD(0.3)"),
    "a value in a word": Program(
        "optimizer_map = keras.optimizers.OptimizerMap(keras.optimizers.SGD(0.1))\n"
        "optimizer_map['a'] = 'sgd'", only=()),
    "an optimizer of Keras 2": Program("keras.optimizers.legacy.Adam(0.1)"),
    "no pairs": Program(f"{MODEL}optimizer.apply_gradients([])"),
    "a state that is not built": Program(
        f"{MODEL}optimizer.stateless_apply([0, 0.1], gradients, "
        "[v.value for v in model.trainable_variables])"),
    "a state of one value": Program(
        f"{MODEL}optimizer.build(model.trainable_variables)\n"
        "optimizer.stateless_apply([0], gradients, [v.value for v in model.trainable_variables])",
        only=()),
    "no weights": Program(f"{MODEL}grads = gradients\noptimizer.apply(gradients)"),
    "one gradient of two": Program(
        f"{MODEL}grads = gradients\noptimizer.apply(gradients[:1], model.trainable_variables)"),
    "weights before build": Program(f"{MODEL}optimizer.set_weights([0, 0.1])"),
    "build of nothing": Program(f"{MODEL}optimizer.build()"),
    "a decay of no steps": Program("keras.optimizers.schedules.CosineDecay(0.1, 0)"),
    "a schedule without a rate": Program(
        "class Own(keras.optimizers.schedules.LearningRateSchedule):\n    pass\nOwn()(1)"),
}  # fmt: skip

QUANTIZERS = {
    "a quantizer to int16": Program(
        "own = keras.quantizers.AbsMaxQuantizer(axis=0, output_dtype='int16')\n"
        "keras.quantizers.Int8QuantizationConfig(weight_quantizer=own)"),
    "a config without a mode": Program("keras.quantizers.QuantizationConfig().mode", only=()),
    "eight bits for four": Program(
        "own = keras.quantizers.AbsMaxQuantizer(axis=0)\n"
        "keras.quantizers.Int4QuantizationConfig(weight_quantizer=own, block_size=None)"),
    "blocks of no size": Program(
        "keras.quantizers.abs_max_quantize_grouped_with_zero_point(x, block_size=0)", only=(0,)),
    "wide integers to pack": Program("arr = np.ones(4, 'int32')\nkeras.quantizers.pack_int4(arr)"),
    "no config of a quantizer": Program(
        "class Own(keras.quantizers.Quantizer):\n    pass\nOwn().get_config()"),
    "a range of one number": Program("keras.quantizers.AbsMaxQuantizer(value_range=3)"),
    "a path again": Program(
        "policy_map = keras.dtype_policies.DTypePolicyMap()\n"
        "policy_map['a'] = 'float32'\npolicy_map['a'] = 'bfloat16'"),
    "a mode without a source": Program("keras.dtype_policies.get('int8')", only=()),
    "int8 in float16": Program("keras.dtype_policies.QuantizedDTypePolicy('int8', 'float16')"),
    "a history in a word": Program(
        "keras.dtype_policies.QuantizedFloat8DTypePolicy('float8', 'float32', 'long')"),
    "a mode without sizes": Program("keras.dtype_policies.GPTQDTypePolicy('gptq', 'float32')"),
}  # fmt: skip
