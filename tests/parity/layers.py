"""Parity rows of the layers: see `harness.py`."""

# ruff: noqa: C408, E501 - arguments read best as calls, rows on one line

from parity.harness import Bad, Case, Ids, Of, Steps

IMAGE, SERIES, VOLUME = (2, 7, 6, 3), (2, 7, 3), (2, 4, 5, 6, 2)

CORE = [
    Case("Dense", dict(units=4, activation="tanh"), [(2, 3)]),
    Case("Dense", dict(units=4, use_bias=False, kernel_regularizer="l2"), [(2, 5, 3)]),
    Case("Dense", dict(units=4, lora_rank=2), [(2, 3)]),
    Case("Identity"),
    Case("Flatten", {}, [IMAGE], specs=[[(None, None, 3)]]),
    Case("Flatten", dict(data_format="channels_first"), [IMAGE]),
    Case("Flatten", {}, [(3,)], label="scalars"),
    Case("Reshape", dict(target_shape=(3, 7, 6)), [IMAGE]),
    Case("Reshape", dict(target_shape=(-1, 9)), [IMAGE], specs=[[(None, None, None, 3)]]),
    Case("Permute", dict(dims=(3, 1, 2)), [IMAGE], specs=[[(None, None, 5, None)]]),
    Case("RepeatVector", dict(n=3), [(2, 3)]),
    Case("Activation", dict(activation="tanh"), [(2, 3)]),
    Case("ReLU", dict(max_value=0.6, negative_slope=0.1, threshold=0.2), [(4, 5)]),
    Case("LeakyReLU", dict(negative_slope=0.2), [(4, 5)]),
    Case("ELU", dict(alpha=0.7), [(4, 5)]),
    Case("PReLU", {}, [(4, 5)]),
    Case("PReLU", dict(shared_axes=[1, 2]), [IMAGE], specs=[[(None, None, None, 3)]]),
    Case("Softmax", {}, [(4, 5)]),
    Case("Softmax", dict(axis=(1, 2)), [(4, 5, 3)]),
    Case("Softmax", {}, [(2, 5)], dict(mask=Steps((3, 5), 5)), label="mask"),
    Case("Masking", dict(mask_value=0.0), [SERIES]),
    Case("Embedding", dict(input_dim=6, output_dim=3), [Ids((2, 4))], specs=[[Ids((None, None))]]),
    Case("Embedding", dict(input_dim=6, output_dim=3, mask_zero=True), [Ids((2, 4))]),
    Case("Embedding", dict(input_dim=6, output_dim=3, lora_rank=2), [Ids((2, 4))]),
    Case("ReversibleEmbedding", dict(input_dim=6, output_dim=3), [Ids((2, 4))]),
    Case("ReversibleEmbedding", dict(input_dim=6, output_dim=3, tie_weights=False), [Ids((2, 4))]),
    Case(
        "ReversibleEmbedding",
        dict(input_dim=6, output_dim=3, logit_soft_cap=2.0),
        [(2, 4, 3)],
        dict(reverse=True),
        label="reverse",
    ),
    Case("ActivityRegularization", dict(l1=0.1, l2=0.2)),
]

RANDOM = [
    Case("Dropout", dict(rate=0.3, seed=1), [(200, 100)], random=True),
    Case("Dropout", dict(rate=0.3, noise_shape=(None, 1)), [(2000, 10)], random=True),
    Case("SpatialDropout1D", dict(rate=0.3), [(50, 7, 60)], random=True, config_differs=("dtype",)),
    Case("SpatialDropout2D", dict(rate=0.3), [(50, 3, 2, 60)], random=True, config_differs=("dtype",)),
    Case(
        "SpatialDropout2D", dict(rate=0.3, data_format="channels_first"), [(50, 60, 2, 3)],
        random=True, config_differs=("dtype",),
    ),
    Case("SpatialDropout3D", dict(rate=0.3), [(50, 2, 2, 2, 60)], random=True, config_differs=("dtype",)),
    Case("GaussianDropout", dict(rate=0.3), [(200, 100)], random=True),
    Case("GaussianNoise", dict(stddev=0.3), [(200, 100)], random=True),
    Case("AlphaDropout", dict(rate=0.3), [(200, 100)], random=True),
]  # fmt: skip

MERGING = [
    *(
        Case(name, {}, [[(2, 5, 3), (2, 5, 3)]], specs=[[[(None, None, 3), (None, None, 3)]]])
        for name in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")
    ),
    *(Case(name, {}, [[(2, 3), (2, 5, 3)]], label="ranks") for name in ("Add", "Multiply")),
    Case("Add", {}, [[(2, 1, 3), (2, 5, 1), (2, 5, 3)]], label="broadcast"),
    Case("Concatenate", {}, [[(2, 5, 3), (2, 5, 4)]]),
    Case(
        "Concatenate", dict(axis=1), [[(2, 5, 3), (2, 4, 3)]], specs=[[[(None, None, 3), (None, 4, 3)]]]
    ),
    Case("Dot", dict(axes=(1, 2)), [[(2, 3, 4), (2, 5, 3)]]),
    Case("Dot", dict(axes=1), [[(2, 3), (2, 3)]]),
    Case("Dot", dict(axes=-1, normalize=True), [[(2, 4, 3), (2, 5, 3)]]),
    Case("Dot", dict(axes=(2, 1)), [[(2, 3, 4, 5), (2, 4, 3, 6)]]),
]  # fmt: skip

CONVOLUTIONS = [
    Case("Conv1D", dict(filters=4, kernel_size=3, activation="relu"), [SERIES]),
    Case("Conv1D", dict(filters=4, kernel_size=3, padding="causal", dilation_rate=2), [SERIES],
         specs=[[(None, None, 3)]]),
    Case("Conv1D", dict(filters=4, kernel_size=3, strides=2, padding="same"), [SERIES]),
    Case("Conv2D", dict(filters=4, kernel_size=3), [IMAGE], specs=[[(None, None, None, 3)]]),
    Case("Conv2D", dict(filters=4, kernel_size=(3, 2), strides=2, padding="same"), [IMAGE],
         specs=[[(None, None, None, 3)]]),
    Case("Conv2D", dict(filters=4, kernel_size=2, dilation_rate=2, use_bias=False), [IMAGE]),
    Case("Conv2D", dict(filters=6, kernel_size=3, groups=3), [IMAGE]),
    Case("Conv2D", dict(filters=4, kernel_size=1), [IMAGE]),
    Case("Conv2D", dict(filters=4, kernel_size=3, data_format="channels_first"), [(2, 3, 7, 6)]),
    Case("Conv3D", dict(filters=4, kernel_size=2, padding="same"), [VOLUME]),
    Case("Conv3D", dict(filters=4, kernel_size=2, strides=(1, 2, 2)), [VOLUME]),
]  # fmt: skip

TRANSPOSED = [
    Case("Conv1DTranspose", dict(filters=4, kernel_size=3), [SERIES], specs=[[(None, None, 3)]]),
    Case("Conv1DTranspose", dict(filters=4, kernel_size=3, strides=2, padding="same"), [SERIES]),
    Case("Conv2DTranspose", dict(filters=4, kernel_size=3, activation="relu"), [IMAGE]),
    Case("Conv2DTranspose", dict(filters=4, kernel_size=(3, 2), strides=2, padding="same"), [IMAGE],
         specs=[[(None, None, None, 3)]]),
    Case("Conv2DTranspose", dict(filters=4, kernel_size=2, strides=3), [IMAGE]),
    Case("Conv2DTranspose", dict(filters=4, kernel_size=3, strides=2, output_padding=1), [IMAGE]),
    Case("Conv2DTranspose", dict(filters=4, kernel_size=3, strides=2, padding="same",
         output_padding=(0, 1)), [IMAGE]),
    Case("Conv2DTranspose", dict(filters=4, kernel_size=3, dilation_rate=2), [IMAGE]),
    Case("Conv2DTranspose", dict(filters=4, kernel_size=2, data_format="channels_first"),
         [(2, 3, 7, 6)]),
    Case("Conv3DTranspose", dict(filters=4, kernel_size=2, strides=2), [VOLUME]),
    Case("DepthwiseConv1D", dict(kernel_size=3, depth_multiplier=2), [SERIES]),
    Case("DepthwiseConv2D", dict(kernel_size=3, activation="relu"), [IMAGE],
         specs=[[(None, None, None, 3)]]),
    Case("DepthwiseConv2D", dict(kernel_size=3, strides=2, padding="same", use_bias=False), [IMAGE]),
    Case("DepthwiseConv2D", dict(kernel_size=2, dilation_rate=2), [IMAGE]),
    Case("DepthwiseConv2D", dict(kernel_size=2, data_format="channels_first"), [(2, 3, 7, 6)]),
    Case("SeparableConv1D", dict(filters=4, kernel_size=3), [SERIES]),
    Case("SeparableConv2D", dict(filters=4, kernel_size=3, depth_multiplier=2), [IMAGE]),
    Case("SeparableConv2D", dict(filters=4, kernel_size=3, strides=2, padding="same"), [IMAGE]),
    Case("SeparableConv2D", dict(filters=4, kernel_size=2, data_format="channels_first"),
         [(2, 3, 7, 6)]),
]  # fmt: skip

POOLING = [
    Case("MaxPooling1D", {}, [SERIES]),
    Case("MaxPooling1D", dict(pool_size=3, strides=2, padding="same"), [SERIES]),
    Case("MaxPooling2D", {}, [IMAGE], specs=[[(None, None, None, 3)]]),
    Case("MaxPooling2D", dict(pool_size=(3, 2), strides=1, padding="same"), [IMAGE]),
    Case("MaxPooling2D", dict(pool_size=2, data_format="channels_first"), [(2, 3, 7, 6)]),
    Case("MaxPooling3D", {}, [VOLUME]),
    Case("AveragePooling1D", dict(pool_size=2), [SERIES]),
    Case("AveragePooling1D", dict(pool_size=3, padding="same"), [SERIES]),
    Case("AveragePooling2D", dict(pool_size=3, strides=2, padding="same"), [IMAGE]),
    Case("AveragePooling2D", dict(pool_size=(2, 3)), [IMAGE]),
    Case("AveragePooling3D", dict(pool_size=2), [VOLUME]),
    *(
        Case(f"Global{kind}Pooling{rank}D", dict(keepdims=keepdims), [shape])
        for kind in ("Max", "Average")
        for rank, shape in ((1, SERIES), (2, IMAGE), (3, VOLUME))
        for keepdims in (False, True)
    ),
    Case("GlobalMaxPooling2D", dict(data_format="channels_first"), [IMAGE]),
    Case("GlobalAveragePooling1D", {}, [SERIES], dict(mask=Steps((3, 7), 7)), label="mask"),
    Case("GlobalAveragePooling1D", dict(data_format="channels_first"), [(2, 3, 7)],
         dict(mask=Steps((3, 7), 7)), label="mask-first"),
    *(
        Case(f"Adaptive{kind}Pooling{rank}D", dict(output_size=size), [shape])
        for kind in ("Max", "Average")
        for rank, shape, size in ((1, SERIES, 3), (2, IMAGE, (3, 2)), (3, VOLUME, 2))
    ),
    Case("AdaptiveMaxPooling2D", dict(output_size=3, data_format="channels_first"), [(2, 3, 7, 6)]),
]  # fmt: skip

RESIZING = [
    Case("Cropping1D", dict(cropping=(1, 2)), [SERIES], specs=[[(None, None, 3)]]),
    Case("Cropping1D", dict(cropping=1), [SERIES]),
    Case("Cropping2D", dict(cropping=((1, 2), (0, 1))), [IMAGE]),
    Case("Cropping2D", dict(cropping=1, data_format="channels_first"), [(2, 3, 7, 6)]),
    Case("Cropping3D", {}, [VOLUME]),
    Case("ZeroPadding1D", dict(padding=(1, 2)), [SERIES], specs=[[(None, None, 3)]]),
    Case("ZeroPadding2D", dict(padding=((1, 2), (0, 1))), [IMAGE]),
    Case("ZeroPadding2D", dict(padding=1, data_format="channels_first"), [(2, 3, 7, 6)]),
    Case("ZeroPadding3D", {}, [VOLUME]),
    Case("UpSampling1D", dict(size=3), [SERIES], specs=[[(None, None, 3)]]),
    Case("UpSampling2D", dict(size=(2, 3)), [IMAGE]),
    Case("UpSampling2D", dict(size=2, interpolation="bilinear"), [IMAGE]),
    Case("UpSampling2D", dict(size=2, data_format="channels_first"), [(2, 3, 7, 6)]),
    Case("UpSampling3D", {}, [VOLUME]),
]

NORMALIZATION = [
    Case("BatchNormalization", {}, [(6, 3)]),
    Case("BatchNormalization", dict(momentum=0.8, epsilon=0.01), [IMAGE],
         specs=[[(None, None, None, 3)]]),
    Case("BatchNormalization", dict(axis=1), [(2, 3, 7, 6)]),
    Case("BatchNormalization", dict(center=False, scale=False), [(6, 3)]),
    Case("BatchNormalization", {}, [SERIES], dict(mask=Steps((3, 6), 7)), label="mask"),
    Case("BatchNormalization", dict(renorm=True), [IMAGE]),
    Case("BatchNormalization", dict(trainable=False), [(6, 3)]),
    Case(
        "BatchNormalization",
        dict(renorm=True, renorm_clipping=dict(rmin=0.5, rmax=2.0, dmax=1.0), renorm_momentum=0.8),
        [IMAGE],
        label="clipped",
    ),
    Case("LayerNormalization", {}, [SERIES], specs=[[(None, None, 3)]]),
    Case("LayerNormalization", dict(axis=[1, 2], epsilon=1e-5), [SERIES]),
    Case("LayerNormalization", dict(axis=1, center=False), [SERIES]),
    Case("LayerNormalization", dict(rms_scaling=True), [SERIES]),
    Case("RMSNormalization", {}, [SERIES]),
    Case("RMSNormalization", dict(axis=[1, 2]), [SERIES]),
    Case("GroupNormalization", dict(groups=2), [(2, 7, 6, 4)], specs=[[(None, None, None, 4)]]),
    Case("GroupNormalization", dict(groups=-1), [IMAGE]),
    Case("GroupNormalization", dict(groups=2, axis=1), [(2, 4, 6)]),
    Case("UnitNormalization", {}, [SERIES]),
    Case("UnitNormalization", dict(axis=[1, 2]), [SERIES]),
]  # fmt: skip

PREPROCESSING = [
    Case("Normalization", dict(mean=[1.0, -2.0, 0.5], variance=[4.0, 1.0, 0.3]), [(6, 3)],
         specs=[[(None, 3)]]),
    Case("Normalization", dict(axis=None, mean=2.0, variance=3.0), [SERIES]),
    Case("Normalization", dict(axis=(1, 2), mean=2.0, variance=3.0, invert=True), [SERIES]),
    Case("Discretization", dict(bin_boundaries=[-0.5, 0.1, 1.0]), [(6, 3)], gradients=False,
         specs=[[(None, 3)]]),
    Case("Discretization", dict(bin_boundaries=[0.0, 1.0], output_mode="one_hot"), [(6, 1)],
         gradients=False),
    Case("Discretization", dict(bin_boundaries=[0.0, 1.0], output_mode="count"), [(6, 4)],
         gradients=False),
    *(
        Case("CategoryEncoding", dict(num_tokens=5, output_mode=mode), [Ids(shape)],
             specs=[[Ids((None, *shape[1:]))]], gradients=False, mixed=False,  # float32 in Keras
             config_differs=("sparse",), label=f"{mode}-{len(shape)}-{shape[-1]}")
        for mode in ("one_hot", "multi_hot", "count") for shape in ((4,), (4, 1), (4, 3))
        if shape != (4,) or mode == "one_hot"
    ),
    Case("CategoryEncoding", dict(num_tokens=5, output_mode="count"), [Ids((4, 3))],
         dict(count_weights=(4, 3)), label="weights", gradients=False, mixed=False,
         config_differs=("sparse",)),
    Case("Rescaling", dict(scale=1 / 127.5, offset=-1.0), [IMAGE], specs=[[(None, None, None, 3)]]),
    Case("Rescaling", dict(scale=[0.5, 2.0, 4.0], offset=[0.0, 1.0, 2.0]), [IMAGE]),
    *(
        Case("STFTSpectrogram", dict(mode=mode, frame_length=6, frame_step=3, expand_dims=image,
             padding="same" if image else "valid", window=None if image else "hann"), [(2, 20, 2)],
             specs=[[(None, None, 2)]], tolerance=1e-4, mixed=False)  # Keras refuses halves
        for mode, image in (("log", True), ("psd", False), ("stft", True), ("real", False))
    ),
    Case("STFTSpectrogram", dict(mode="magnitude", frame_length=6, data_format="channels_first"),
         [(2, 2, 20)], mixed=False),
    Case("MelSpectrogram", dict(fft_length=16, sequence_stride=4, num_mel_bins=3,
         sampling_rate=100), [(2, 50)], tolerance=1e-3),
    Case("MelSpectrogram", dict(fft_length=16, sequence_stride=4, num_mel_bins=3, mag_exp=1.0,
         power_to_db=False), [(50,)], tolerance=1e-3, label="amplitude", specs=[[(None,)]]),
]  # fmt: skip

RECURRENT = [
    *(
        Case(name, dict(units=4, **arguments), [(3, 5, 2)], options, label=label,
             config_differs=("seed",) if name == "SimpleRNN" else (),
             mixed=(name, label) != ("GRU", "relu"))  # Keras fails there
        for name in ("SimpleRNN", "LSTM", "GRU")
        for label, arguments, options in (
            ("plain", {}, {}),
            ("sequences", dict(return_sequences=True, return_state=True), {}),
            ("backwards", dict(return_sequences=True, go_backwards=True), {}),
            ("mask", dict(return_sequences=True), dict(mask=Steps((2, 5, 3), 5))),
            ("mask-backwards", dict(go_backwards=True), dict(mask=Steps((2, 5, 3), 5))),
            ("relu", dict(activation="relu", use_bias=False), {}),
            ("unroll", dict(unroll=True), {}),
            ("initial", dict(return_state=True),
             dict(initial_state=[(3, 4), (3, 4)] if name == "LSTM" else [(3, 4)])),
        )
    ),
    Case("GRU", dict(units=4, reset_after=False), [(3, 5, 2)]),
    Case("GRU", dict(units=4, recurrent_activation="hard_sigmoid"), [(3, 5, 2)]),
    Case("LSTM", dict(units=4, unit_forget_bias=False, recurrent_activation="relu"), [(3, 5, 2)]),
    Case("LSTM", dict(units=4, dropout=0.2, recurrent_dropout=0.3), [(600, 5, 2)], random=True,
         label="dropout"),
    Case("LSTM", dict(units=4), [(3, 5, 2)], specs=[[(None, None, 2)]], label="spec"),
    Case("LSTM", dict(units=4, return_sequences=True, return_state=True), [(3, 5, 2)],
         specs=[[(None, None, 2)]], label="spec-states"),
    Case("RNN", dict(cell=Of("LSTMCell", dict(units=4, name="a"))), [(3, 5, 2)]),
    Case("RNN", dict(cell=Of("GRUCell", dict(units=4, name="a")), zero_output_for_mask=True,
         return_sequences=True), [(3, 5, 2)], dict(mask=Steps((2, 5, 3), 5)), label="zero"),
    Case("RNN", dict(cell=Of("StackedRNNCells", dict(name="s", cells=[
        Of("LSTMCell", dict(units=4, name="a")), Of("GRUCell", dict(units=3, name="b"))])),
        return_sequences=True), [(3, 5, 2)], label="stacked"),
    Case("RNN", dict(cell=Of("StackedRNNCells", dict(name="s", cells=[
        Of("LSTMCell", dict(units=4, name="a")), Of("SimpleRNNCell", dict(units=3, name="b"))])),
        return_state=True), [(3, 5, 2)], label="stacked-states"),
    Case("LSTMCell", dict(units=4), [(3, 2), [(3, 4), (3, 4)]]),
    Case("GRUCell", dict(units=4), [(3, 2), [(3, 4)]]),
    Case("SimpleRNNCell", dict(units=4), [(3, 2), [(3, 4)]]),
    Case("StackedRNNCells", dict(cells=[
        Of("LSTMCell", dict(units=4, name="a")), Of("GRUCell", dict(units=3, name="b"))]),
         [(3, 2), [[(3, 4), (3, 4)], [(3, 3)]]], label="cells"),
]  # fmt: skip

LSTM3 = Of("LSTM", dict(units=3, name="inner", return_sequences=True))

WRAPPERS = [
    *(
        Case("Bidirectional", dict(layer=LSTM3, merge_mode=mode), [(3, 5, 2)], specs=[[(None, None, 2)]])
        for mode in ("concat", "sum", "mul", "ave", None)
    ),
    Case("Bidirectional", dict(layer=LSTM3), [(3, 5, 2)], dict(mask=Steps((2, 5, 3), 5)),
         label="mask"),
    Case("Bidirectional", dict(layer=Of("GRU", dict(units=3, name="inner"))), [(3, 5, 2)],
         dict(mask=Steps((2, 5, 3), 5)), label="last-mask"),
    Case("Bidirectional", dict(layer=Of("LSTM", dict(units=3, name="inner", return_state=True))),
         [(3, 5, 2)], dict(initial_state=[(3, 3)] * 4), label="states"),
    Case("Bidirectional", dict(
        layer=Of("LSTM", dict(units=3, name="inner")),
        backward_layer=Of("GRU", dict(units=3, name="other", go_backwards=True))),
         [(3, 5, 2)], label="two"),
    Case("TimeDistributed", dict(layer=Of("Dense", dict(units=4, name="inner"))), [(3, 5, 2)],
         specs=[[(None, None, 2)]], label="dense"),
    Case("TimeDistributed", dict(layer=Of("Conv2D", dict(filters=4, kernel_size=3, name="inner"))),
         [(3, 5, 7, 6, 2)], label="conv"),
    Case("SpectralNormalization", dict(layer=Of("Dense", dict(units=4, name="inner"))), [(3, 2)],
         label="dense"),
    Case("SpectralNormalization", dict(power_iterations=2, layer=Of(
        "Conv2D", dict(filters=4, kernel_size=3, name="inner"))), [IMAGE], label="conv"),
    *(
        Case(f"ConvLSTM{rank}D", dict(filters=3, kernel_size=2, **more), [(2, 3, *sizes, 2)])
        for rank, sizes in ((1, (6,)), (2, (6, 5)), (3, (4, 4, 3)))
        for more in ({}, dict(padding="same", return_sequences=True, return_state=True))
    ),
    Case("ConvLSTM2D", dict(filters=3, kernel_size=3, strides=2, go_backwards=True,
         return_sequences=True), [(2, 3, 6, 5, 2)], label="backwards"),
    Case("ConvLSTM2D", dict(filters=3, kernel_size=3, data_format="channels_first"),
         [(2, 3, 2, 6, 5)]),
    Case("ConvLSTM2D", dict(filters=3, kernel_size=3, dropout=0.2, recurrent_dropout=0.2),
         [(60, 3, 6, 5, 2)], random=True, label="dropout"),
]  # fmt: skip

QUERY, VALUE = (2, 4, 6), (2, 5, 6)

ATTENTION = [
    Case("Attention", {}, [[QUERY, VALUE]], specs=[[[(None, None, 6), (None, 5, 6)]]]),
    Case("Attention", dict(use_scale=True), [[QUERY, VALUE, VALUE]],
         dict(return_attention_scores=True), label="scores"),
    Case("Attention", dict(use_scale=True, score_mode="concat"), [[QUERY, VALUE]]),
    Case("Attention", {}, [[QUERY, QUERY]], dict(use_causal_mask=True), label="causal"),
    Case("Attention", {}, [[QUERY, VALUE]], dict(mask=[Steps((3, 4), 4), Steps((2, 5), 5)]),
         label="mask"),
    Case("Attention", dict(dropout=0.3), [[(40, 20, 6), (40, 30, 6)]], random=True, label="dropout"),
    Case("AdditiveAttention", {}, [[QUERY, VALUE]]),
    Case("AdditiveAttention", dict(use_scale=False), [[QUERY, VALUE]],
         dict(mask=[Steps((3, 4), 4), Steps((2, 5), 5)]), label="mask"),
    Case("MultiHeadAttention", dict(num_heads=2, key_dim=3), [QUERY, VALUE]),
    Case("MultiHeadAttention", dict(num_heads=2, key_dim=3, use_bias=False),
         [QUERY, VALUE, (2, 5, 7)], label="key"),
    Case("MultiHeadAttention", dict(num_heads=2, key_dim=3, value_dim=4), [QUERY, VALUE],
         dict(return_attention_scores=True), label="value"),
    Case("MultiHeadAttention", dict(num_heads=2, key_dim=3, use_gate=True, output_shape=7),
         [QUERY, VALUE], dict(return_attention_scores=True), label="gate-scores"),
    Case("MultiHeadAttention", dict(num_heads=2, key_dim=3), [QUERY, QUERY],
         dict(use_causal_mask=True), label="causal"),
    Case("MultiHeadAttention", dict(num_heads=2, key_dim=3, sliding_window=2), [QUERY, QUERY]),
    Case("MultiHeadAttention", dict(num_heads=2, key_dim=3, sliding_window=2), [QUERY, QUERY],
         dict(use_causal_mask=True), label="window-causal"),
    Case("MultiHeadAttention", dict(num_heads=2, key_dim=3), [QUERY, VALUE],
         dict(value_mask=Steps((2, 5), 5)), label="mask"),  # Keras ignores a query_mask
    Case("MultiHeadAttention", dict(num_heads=2, key_dim=3), [QUERY, VALUE],
         dict(key_mask=Steps((2, 5), 5)), label="key-mask"),
    # With a mask, the scores of Keras carry that of its softmax.
    Case("MultiHeadAttention", dict(num_heads=2, key_dim=3), [QUERY, VALUE],
         dict(return_attention_scores=True), label="scores"),
    Case("MultiHeadAttention", dict(num_heads=2, key_dim=3, attention_axes=2, output_shape=(2, 4)),
         [(2, 3, 4, 6), (2, 3, 5, 6)], label="axis"),
    Case("MultiHeadAttention", dict(num_heads=2, key_dim=3), [(2, 3, 4, 6), (2, 2, 5, 6)],
         dict(return_attention_scores=True), label="two-axes"),
    Case("MultiHeadAttention", dict(num_heads=2, key_dim=3, attention_axes=(1,)),
         [(2, 4, 3, 6), (2, 5, 3, 6)], label="first-axis"),
    Case("MultiHeadAttention", dict(num_heads=2, key_dim=3, dropout=0.3), [(40, 9, 6), (40, 9, 6)],
         random=True, label="dropout"),
    Case("GroupQueryAttention", dict(head_dim=3, num_query_heads=4, num_key_value_heads=2),
         [QUERY, VALUE]),
    Case("GroupQueryAttention", dict(head_dim=3, num_query_heads=4, num_key_value_heads=2,
         use_gate=True), [QUERY, VALUE], dict(return_attention_scores=True), label="gate-scores"),
    Case("GroupQueryAttention", dict(head_dim=3, num_query_heads=4, num_key_value_heads=1,
         sliding_window=2), [QUERY, QUERY], dict(use_causal_mask=True), label="window"),
    Case("EinsumDense", dict(equation="abc,cd->abd", output_shape=(None, 4), bias_axes="d",
         activation="relu"), [(2, 3, 5)], specs=[[(None, None, 5)]]),
    Case("EinsumDense", dict(equation="...x,xy->...y", output_shape=4), [(2, 3, 5)]),
    Case("EinsumDense", dict(equation="ab...,bc->ac...", output_shape=4, bias_axes="c"),
         [(2, 3, 5, 6)]),
    Case("EinsumDense", dict(equation="abc,cde->abde", output_shape=(None, 7, 8), bias_axes="d"),
         [(2, 3, 5)]),
    Case("EinsumDense", dict(equation="abc,cd->abd", output_shape=(None, 4), lora_rank=2),
         [(2, 3, 5)], label="lora"),
]  # fmt: skip

CASES = [
    *TRANSPOSED, *WRAPPERS, *ATTENTION, *CORE, *RANDOM, *MERGING, *CONVOLUTIONS, *POOLING, *RESIZING, *NORMALIZATION, *PREPROCESSING, *RECURRENT,
]  # fmt: skip

BAD = [
    Bad("Dense", dict(units=0), says="units must be a positive integer"),
    Bad("Dropout", dict(rate=1.5), says="from 0 to 1"),
    Bad("Dropout", dict(rate="a"), says="rate"),
    Bad("Dropout", dict(rate=0.5, noise_shape=3), says="noise_shape"),
    Bad("Dropout", dict(rate=0.5, noise_shape=(1, -2)), says="noise_shape"),
    Bad("Conv2D", dict(filters=0, kernel_size=3), says="filters"),
    Bad("Conv2D", dict(filters=3, kernel_size=0), says="kernel_size"),
    Bad("Conv2D", dict(filters=3, kernel_size=(1, 2, 3)), says="kernel_size"),
    Bad("Conv2D", dict(filters=3, kernel_size=3, padding="causal"), says="padding"),
    Bad("Conv2D", dict(filters=3, kernel_size=3, strides=2, dilation_rate=2), says="strides"),
    Bad("Conv2D", dict(filters=3, kernel_size=3, groups=2), says="groups"),
    Bad("Conv2D", dict(filters=4, kernel_size=3, groups=2), [(1, 5, 5, 3)], "channels"),
    Bad("Conv2D", dict(filters=4, kernel_size=3), [(1, 5, 5)], "x[..., None]"),
    Bad("Conv2D", dict(filters=4, kernel_size=30), [(1, 5, 5, 3)], "padding='same'"),
    Bad("Conv2D", dict(filters=4, kernel_size=3, data_format="x"), says="data_format"),
    Bad("MaxPooling2D", dict(pool_size=0), says="pool_size"),
    Bad("MaxPooling2D", dict(pool_size=2, padding="x"), says="padding", error=ValueError),
    Bad("MaxPooling2D", dict(pool_size=9), [(1, 5, 5, 2)], "padding='same'", error=ValueError),
    Bad("Reshape", dict(target_shape=(7,)), [(2, 3)], "3 elements"),
    Bad("Reshape", dict(target_shape=(-1, -1)), says="-1"),
    Bad("Permute", dict(dims=(1, 3)), says="dims"),
    Bad("Permute", dict(dims=(2, 1)), [(2, 3)], "axes"),
    Bad("RepeatVector", dict(n=2.5), says="n must be an integer"),
    Bad("Add", {}, [(2, 3)], "list of inputs"),
    Bad("Add", {}, [[(2, 3), (2, 5)]], "fit together"),
    Bad("Subtract", {}, [[(2, 3)] * 3], "takes 2 inputs"),
    Bad("Concatenate", {}, [[(2, 3), (2, 4, 3)]], "axis"),
    Bad("Dot", dict(axes="x"), says="axes"),
    Bad("Dot", dict(axes=(1, 2, 3)), says="axes"),
    Bad("Dot", dict(axes=1), [[(2, 3)]], "takes 2 inputs"),
    Bad("Embedding", dict(input_dim=0, output_dim=2), says="input_dim"),
    Bad("BatchNormalization", dict(renorm=True, renorm_clipping={"a": 1}), says="rmin"),
    Bad("BatchNormalization", dict(axis=5), [(2, 3)], "axis", error=ValueError),
    Bad("LayerNormalization", dict(axis="x"), says="axis"),
    Bad("GroupNormalization", dict(groups=2), [(2, 5, 3)], "groups"),
    Bad("GroupNormalization", dict(groups=0), says="groups"),
    Bad("LSTM", dict(units=0), says="units"),
    Bad("LSTM", dict(units=2), [(2, 3)], "axes"),
    Bad("LSTM", dict(units=2, time_major=True), says="time_major"),
    Bad("RNN", dict(cell=3), says="cell"),
    Bad("LeakyReLU", dict(negative_slope=None), says="negative_slope"),
    Bad("ReLU", dict(max_value=-1.0), says="max_value"),
    Bad(
        "Bidirectional", dict(layer=Of("Dense", dict(units=2))), says="recurrent", error=ValueError
    ),
    Bad("Bidirectional", dict(layer=Of("LSTM", dict(units=2)), merge_mode="x"), says="merge_mode"),
    Bad(
        "Bidirectional",
        dict(layer=Of("LSTM", dict(units=2)), backward_layer=Of("LSTM", dict(units=2))),
        says="same direction",
    ),
    Bad("TimeDistributed", dict(layer=3), says="layer"),
    Bad("TimeDistributed", dict(layer=Of("Dense", dict(units=2))), [(2, 3)], "3 axes"),
    Bad("ConvLSTM2D", dict(filters=2, kernel_size=3), [(1, 3, 9, 9)], "axes"),
    Bad("Attention", dict(score_mode="x"), says="score_mode"),
    Bad("Attention", {}, [QUERY], "list"),
    Bad("Attention", {}, [[QUERY]], "list"),
    Bad("MultiHeadAttention", dict(num_heads=0, key_dim=3), says="num_heads"),
    Bad("MultiHeadAttention", dict(num_heads=2, key_dim=0), says="key_dim"),
    Bad(
        "MultiHeadAttention", dict(num_heads=2, key_dim=3, sliding_window=0), says="sliding_window"
    ),
    Bad(
        "MultiHeadAttention",
        dict(num_heads=2, key_dim=3, flash_attention=True, dropout=0.1),
        says="dropout",
    ),
    Bad("MultiHeadAttention", dict(num_heads=2, key_dim=3), [QUERY, VALUE, (2, 6, 6)], "keys"),
    Bad(
        "GroupQueryAttention",
        dict(head_dim=4, num_query_heads=3, num_key_value_heads=2),
        says="share",
    ),
    Bad("EinsumDense", dict(equation="abcd->ab", output_shape=4), [(2, 3, 5)], "equation"),
    Bad("EinsumDense", dict(equation="abc,cd->abz", output_shape=(None, 4)), [(2, 3, 5)], "'z'"),
    Bad(
        "EinsumDense",
        dict(equation="abc,cd->abd", output_shape=(None, 4), bias_axes="z"),
        [(2, 3, 5)],
        "bias_axes",
    ),
    Bad("EinsumDense", dict(equation="abc,cd->abd", output_shape=(5, 4)), [(2, 3, 5)], "'b'"),
    Bad("SpectralNormalization", dict(layer=Of("ReLU")), [(2, 3)], "kernel"),
    Bad(
        "SpectralNormalization",
        dict(layer=Of("Dense", dict(units=2)), power_iterations=0),
        says="power_iterations",
    ),
    Bad(
        "Conv2DTranspose",
        dict(filters=3, kernel_size=3, strides=2, output_padding=2),
        says="output_padding",
        error=ValueError,
    ),
    Bad("DepthwiseConv2D", dict(kernel_size=3, depth_multiplier=0), says="depth_multiplier"),
    Bad("Lambda", dict(function=3), says="function"),
    Bad("Activation", dict(activation=3), says="activation"),
    Bad("UpSampling2D", dict(interpolation="x"), says="interpolation", error=ValueError),
    Bad("ZeroPadding2D", dict(padding=(1, 2, 3)), says="padding"),
    Bad("Cropping2D", dict(cropping=-1), says="cropping"),
    Bad("Cropping2D", dict(cropping=9), [(1, 5, 5, 2)], "remove all"),
]
