"""Keras's private names that packages import, and where Cornu has them: data alone.

    keras.src.layers.core.dense.Dense    FILES     keras.layers.Dense
    keras.src.ops                        MODULES   keras.ops
    keras.src.backend.cast               NAMES     keras.ops.cast

Every path is below `keras.src` on the left and below `cornu` on the right. `keras_src.py` serves
them. A module of FILES or MODULES answers with all names of the module that it stands for.
"""

# Package -> its files, each of which holds some of the names of the public package above it:
# `layers.core` those of `keras.layers`. All files of Keras that define a public name are here.
FILES: dict[str, str] = {
    "activations": "activations",
    "applications": "convnext densenet efficientnet efficientnet_v2 imagenet_utils "
    "inception_resnet_v2 inception_v3 mobilenet mobilenet_v2 mobilenet_v3 nasnet resnet resnet_v2 "
    "vgg16 vgg19 xception",
    "callbacks": "backup_and_restore callback callback_list csv_logger early_stopping history "
    "lambda_callback learning_rate_scheduler model_checkpoint orbax_checkpoint progbar_logger "
    "reduce_lr_on_plateau remote_monitor swap_ema_weights tensorboard terminate_on_nan",
    "constraints": "constraints",
    "distillation": "distillation_loss distiller",
    "distribution": "distribution_lib",
    "dtype_policies": "dtype_policy dtype_policy_map",
    "export": "saved_model",
    "initializers": "constant_initializers initializer random_initializers",
    "layers": "input_spec layer",
    "layers.activations": "activation elu leaky_relu prelu relu softmax",
    "layers.attention": "additive_attention attention grouped_query_attention multi_head_attention",
    "layers.convolutional": "conv1d conv1d_transpose conv2d conv2d_transpose conv3d "
    "conv3d_transpose depthwise_conv1d depthwise_conv2d separable_conv1d separable_conv2d",
    "layers.core": "dense einsum_dense embedding identity input_layer lambda_layer masking "
    "reversible_embedding wrapper",
    "layers.merging": "add average concatenate dot maximum minimum multiply subtract",
    "layers.normalization": "batch_normalization group_normalization layer_normalization "
    "rms_normalization spectral_normalization unit_normalization",
    "layers.pooling": "adaptive_average_pooling1d adaptive_average_pooling2d "
    "adaptive_average_pooling3d adaptive_max_pooling1d adaptive_max_pooling2d "
    "adaptive_max_pooling3d average_pooling1d average_pooling2d average_pooling3d "
    "global_average_pooling1d global_average_pooling2d global_average_pooling3d "
    "global_max_pooling1d global_max_pooling2d global_max_pooling3d max_pooling1d max_pooling2d "
    "max_pooling3d",
    "layers.preprocessing": "category_encoding discretization hashed_crossing hashing "
    "integer_lookup mel_spectrogram normalization pipeline rescaling stft_spectrogram "
    "string_lookup text_vectorization",
    "layers.preprocessing.image_preprocessing": "aug_mix auto_contrast center_crop clahe cut_mix "
    "equalization max_num_bounding_box mix_up rand_augment random_brightness "
    "random_color_degeneration random_color_jitter random_contrast random_crop "
    "random_elastic_transform random_erasing random_flip random_gaussian_blur random_grayscale "
    "random_hue random_invert random_perspective random_posterization random_rotation "
    "random_saturation random_sharpness random_shear random_translation random_zoom resizing "
    "solarization",
    "layers.regularization": "activity_regularization alpha_dropout dropout gaussian_dropout "
    "gaussian_noise spatial_dropout",
    "layers.reshaping": "cropping1d cropping2d cropping3d flatten permute repeat_vector reshape "
    "up_sampling1d up_sampling2d up_sampling3d zero_padding1d zero_padding2d zero_padding3d",
    "layers.rnn": "bidirectional conv_lstm1d conv_lstm2d conv_lstm3d gru lstm rnn simple_rnn "
    "stacked_rnn_cells time_distributed",
    "losses": "loss losses",
    "metrics": "accuracy_metrics confusion_metrics correlation_metrics f_score_metrics "
    "hinge_metrics iou_metrics metric probabilistic_metrics reduction_metrics regression_metrics",
    "models": "cloning functional model sequential",
    "ops": "core einops math",
    "optimizers": "adadelta adafactor adagrad adam adamax adamw ftrl lamb lion "
    "loss_scale_optimizer multi_optimizer muon nadam optimizer rmsprop schedule_free_adamw sgd",
    "quantizers": "awq_config gptq_config quantization_config quantizers",
    "random": "random seed_generator",
    "regularizers": "regularizers",
    "saving": "file_editor object_registration saving_api saving_lib serialization_lib",
    "tree": "tree_api",
    "utils": "audio_dataset_utils config dataset_utils file_utils image_dataset_utils image_utils "
    "model_visualization numerical_utils progbar rng_utils sequence_utils text_dataset_utils "
    "timeseries_dataset_utils",
    "visualization": "draw_bounding_boxes draw_segmentation_masks plot_bounding_box_gallery "
    "plot_image_gallery plot_segmentation_mask_gallery",
    "wrappers": "sklearn_wrapper",
}

# Other modules, and the one for which each stands; `keras.src` itself stands for the root.
MODULES: dict[str, str] = {
    "": "",
    "backend": "backend",
    "backend.common.dtypes": "backend",
    "backend.common.variables": "backend",
    "backend.config": "config",
    "datasets": "datasets",
    "datasets.boston_housing": "datasets.boston_housing",
    "datasets.california_housing": "datasets.california_housing",
    "datasets.cifar10": "datasets.cifar10",
    "datasets.cifar100": "datasets.cifar100",
    "datasets.fashion_mnist": "datasets.fashion_mnist",
    "datasets.imdb": "datasets.imdb",
    "datasets.mnist": "datasets.mnist",
    "datasets.reuters": "datasets.reuters",
    "export.tfsm_layer": "layers",
    "layers.preprocessing.feature_space": "utils",
    "layers.preprocessing.image_preprocessing.bounding_boxes.converters": "utils.bounding_boxes",
    "layers.preprocessing.image_preprocessing.bounding_boxes.iou": "utils.bounding_boxes",
    "legacy.saving.serialization": "utils.legacy",
    "ops.image": "ops.image",
    "ops.linalg": "ops.linalg",
    "ops.nn": "ops.nn",
    "ops.numpy": "ops.numpy",
    "optimizers.schedules": "optimizers.schedules",
    "optimizers.schedules.learning_rate_schedule": "optimizers.schedules",
    "trainers.data_adapters.data_adapter_utils": "utils",
    "trainers.data_adapters.py_dataset_adapter": "utils",
    "utils.io_utils": "config",
    "utils.jax_layer": "layers",
    "utils.torch_utils": "layers",
    "utils.traceback_utils": "config",
}

# The operations of the backend: beside the rest of it until Keras 3.15, in `ops` from then on.
OPS = {
    "core": "ops", "image": "ops.image", "linalg": "ops.linalg", "math": "ops", "nn": "ops.nn",
    "numpy": "ops.numpy",
}  # fmt: skip
for _place in ("backend", "backend.jax"):
    MODULES[f"{_place}.ops"] = "ops"
    MODULES[f"{_place}.random"] = "random"
    for _name, _ops in OPS.items():
        MODULES[f"{_place}.{_name}"] = MODULES[f"{_place}.ops.{_name}"] = _ops

# Single names. Where there is no public one, the function or class that does the same.
NAMES: dict[str, str] = {
    "Functional": "models.functional.Functional",
    "backend.KerasTensor": "KerasTensor",
    "backend.StatelessScope": "StatelessScope",
    "backend.Variable": "Variable",
    "backend.any_symbolic_tensors": "core.symbolic.any_symbolic",
    "backend.cast": "ops.cast",
    "backend.common.global_state.clear_session": "utils.clear_session",
    "backend.common.keras_tensor.KerasTensor": "KerasTensor",
    "backend.common.keras_tensor.any_symbolic_tensors": "core.symbolic.any_symbolic",
    "backend.common.keras_tensor.is_keras_tensor": "utils.is_keras_tensor",
    "backend.common.symbolic_scope.SymbolicScope": "SymbolicScope",
    "ops.operation_utils.get_source_inputs": "utils.get_source_inputs",
    "utils.image_utils.smart_resize": "preprocessing.image.smart_resize",
    "backend.common.masking.get_keras_mask": "core.masks.mask_of",
    "backend.common.masking.set_keras_mask": "core.masks.set_mask",
    "backend.common.remat.RematScope": "RematScope",
    "backend.common.remat.remat": "remat",
    "backend.common.stateless_scope.StatelessScope": "StatelessScope",
    "backend.common.variables.KerasVariable": "Variable",
    "backend.common.variables.Variable": "Variable",
    "backend.compute_output_spec": "core.symbolic.infer",
    "backend.cond": "ops.cond",
    "backend.convert_to_numpy": "ops.convert_to_numpy",
    "backend.convert_to_tensor": "ops.convert_to_tensor",
    "backend.device": "device",
    "backend.get_keras_mask": "core.masks.mask_of",
    "backend.is_tensor": "ops.is_tensor",
    "backend.jax.random.jax_draw_seed": "random.seed.draw_seed",
    "backend.name_scope": "name_scope",
    "backend.scatter": "ops.scatter",
    "backend.set_keras_mask": "core.masks.set_mask",
    "backend.shape": "ops.shape",
    "backend.stop_gradient": "ops.stop_gradient",
    "backend.vectorized_map": "ops.vectorized_map",
    "distribution.distribution_lib.distribution": "compat.adapters.distribution",
    "layers.attention.grouped_query_attention.GroupedQueryAttention":
        "layers.GroupQueryAttention",
    "layers.convolutional.base_conv.BaseConv": "layers.convolutional.conv.Convolution",
    "layers.convolutional.base_conv_transpose.BaseConvTranspose":
        "layers.convolutional.transpose.TransposedConvolution",
    "layers.convolutional.base_depthwise_conv.BaseDepthwiseConv":
        "layers.convolutional.depthwise.DepthwiseConvolution",
    "layers.convolutional.base_separable_conv.BaseSeparableConv":
        "layers.convolutional.depthwise.SeparableConvolution",
    "layers.merging.base_merge.Merge": "layers.merging.Merge",
    "layers.pooling.base_global_pooling.BaseGlobalPooling": "layers.global_pooling.GlobalPooling",
    "layers.pooling.base_pooling.BasePooling": "layers.pooling.Pooling",
    "models.functional.Functional": "models.functional.Functional",
    "ops.function.Function": "Function",
    "ops.operation.Operation": "Operation",
    "saving.saving_lib.H5IOStore": "compat.adapters.H5IOStore",
    "saving.serialization_lib.SafeModeScope": "compat.adapters.SafeModeScope",
    "saving.serialization_lib.enable_unsafe_deserialization":
        "config.enable_unsafe_deserialization",
    "saving.serialization_lib.in_safe_mode": "compat.adapters.in_safe_mode",
    "trainers.data_adapters.data_adapter_utils.class_weight_to_sample_weights":
        "data.weights.class_sample_weights",
    "utils.backend_utils.in_grain_data_pipeline": "compat.adapters.in_grain_data_pipeline",
    "utils.backend_utils.set_backend": "config.set_backend",
    "utils.naming.get_uid": "backend.get_uid",
    "utils.tracking.no_automatic_dependency_tracking":
        "compat.adapters.no_automatic_dependency_tracking",
    "version.version": "version",
}  # fmt: skip
