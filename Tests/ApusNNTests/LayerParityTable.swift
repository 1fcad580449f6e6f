import Apus

/// The layers of `make_layers.py`, as they are written here.
enum LayerParityTable {
  typealias Build = @Sendable ([SymbolicTensor]) -> [SymbolicTensor]

  static let layers: [String: Build] = [
    core, normalizations, convolutions, pooling, shapes, joins, recurrent, augmentation,
  ].reduce(
    into: [:]
  ) { $0.merge($1) { first, _ in first } }

  private static func one(_ layer: any Layer) -> Build { { inputs in [applied(layer, inputs[0])] } }

  private static func applied(_ layer: some Layer, _ x: SymbolicTensor) -> SymbolicTensor { layer(x) }

  private static let core: [String: Build] = {
    var table: [String: Build] = [
      "dense": one(Dense(3, activation: .tanh)), "dense_3d": one(Dense(3, useBias: false)),
      "relu": one(ReLU(maxValue: 0.7, negativeSlope: 0.2, threshold: 0.1)), "leaky_relu": one(LeakyReLU()),
      "elu": one(ELU(alpha: 0.5)), "p_re_lu": one(PReLU(sharedAxes: [1, 2])), "softmax_axis": one(Softmax(axis: 1)),
    ]
    let names = [
      "linear", "relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "softplus", "softsign", "hard_sigmoid",
      "sigmoid", "tanh", "exponential", "softmax", "log_softmax",
    ]
    for function in names.compactMap(ActivationFunction.init(rawValue:)) {
      table["activation_\(function.rawValue)"] = one(Activation(function))
    }
    return table
  }()

  private static let normalizations: [String: Build] = {
    var table: [String: Build] = [
      "batch_normalization": one(BatchNormalization()),
      "batch_normalization_training": one(BatchNormalization(momentum: 0.9)),
      "batch_normalization_plain": one(BatchNormalization(center: false, scale: false)),
      "batch_normalization_no_scale": one(BatchNormalization(axis: 1, scale: false)),
      "batch_normalization_no_center": one(BatchNormalization(center: false)),
      "batch_normalization_frozen": one(BatchNormalization().frozen()),
      "layer_normalization": one(LayerNormalization()),
      "layer_normalization_plain": one(LayerNormalization(epsilon: 0.1, center: false, scale: false)),
      "layer_normalization_axis": one(LayerNormalization(axis: 1)),
      "group_normalization": one(GroupNormalization(groups: 2)),
      "group_normalization_instance": one(GroupNormalization(groups: -1)),
      "group_normalization_one": one(GroupNormalization(groups: 1, epsilon: 0.1, center: false)),
      "group_normalization_axis": one(GroupNormalization(groups: 2, axis: 1, scale: false)),
      "rms_normalization": one(RMSNormalization()),
      "unit_normalization": one(UnitNormalization()), "unit_normalization_axis": one(UnitNormalization(axis: 1)),
    ]
    for (key, axis, invert) in [("", -1, false), ("_axis", 1, false), ("_all", nil, false), ("_invert", -1, true)]
      as [(String, Int?, Bool)]
    {
      var layer = Normalization(axis: axis, invert: invert)
      // A layer that cannot adapt has no statistics, and its test fails.
      try? layer.adapt(LayerReference.numbers([7, 3, 4], salt: 5))
      let adapted = layer
      table["normalization" + key] = one(adapted)
    }
    return table
  }()

  private static let convolutions: [String: Build] = [
    "conv1d": one(Conv1D(3, kernelSize: 3, padding: .same, dilationRate: 2)),
    "conv1d_strides": one(Conv1D(4, kernelSize: 2, strides: 2, groups: 2, activation: .relu)),
    "conv2d": one(Conv2D(3, kernelSize: [3, 2], strides: 2, padding: .same)),
    "conv2d_valid": one(Conv2D(2, kernelSize: 3, activation: .tanh, useBias: false)),
    "conv3d": one(Conv3D(2, kernelSize: 2, strides: [1, 2, 1], padding: .same)),
    "conv1d_transpose_valid": one(Conv1DTranspose(3, kernelSize: 3, strides: 2)),
    "conv1d_transpose_same": one(Conv1DTranspose(3, kernelSize: 3, strides: 2, padding: .same)),
    "conv1d_transpose_wide": one(Conv1DTranspose(2, kernelSize: 2, strides: 3)),
    "conv1d_transpose_dilation": one(Conv1DTranspose(2, kernelSize: 3, dilationRate: 2, useBias: false)),
    "conv2d_transpose_valid": one(Conv2DTranspose(3, kernelSize: 3, strides: 2)),
    "conv2d_transpose_same": one(Conv2DTranspose(3, kernelSize: 3, strides: 2, padding: .same)),
    "conv2d_transpose_wide": one(Conv2DTranspose(2, kernelSize: 2, strides: 3)),
    "conv2d_transpose_output_padding": one(
      Conv2DTranspose(2, kernelSize: 3, strides: 2, padding: .same, outputPadding: 1)),
    "conv3d_transpose_valid": one(Conv3DTranspose(3, kernelSize: 3, strides: 2)),
    "conv3d_transpose_same": one(Conv3DTranspose(3, kernelSize: 3, strides: 2, padding: .same)),
    "conv3d_transpose_wide": one(Conv3DTranspose(2, kernelSize: 2, strides: 3)),
    "depthwise_conv1d": one(DepthwiseConv1D(kernelSize: 3, padding: .same, depthMultiplier: 2)),
    "depthwise_conv1d_strides": one(DepthwiseConv1D(kernelSize: 2, strides: 2, activation: .relu)),
    "depthwise_conv2d": one(DepthwiseConv2D(kernelSize: 3, strides: 2, padding: .same, depthMultiplier: 2)),
    "separable_conv1d": one(SeparableConv1D(3, kernelSize: 3, padding: .same)),
    "separable_conv1d_multiplier": one(SeparableConv1D(3, kernelSize: 2, strides: 2, depthMultiplier: 2)),
    "separable_conv2d": one(SeparableConv2D(4, kernelSize: 3, depthMultiplier: 2)),
  ]

  private static let pooling: [String: Build] = family(Spatial1D.self).merging(family(Spatial2D.self)) { a, _ in a }
    .merging(family(Spatial3D.self)) { a, _ in a }

  private static func family<Rank: SpatialRank>(_ rank: Rank.Type) -> [String: Build] {
    let suffix = "pooling\(Rank.spatialAxes)d"
    return [
      "max_\(suffix)": one(PoolingLayer<MaxPooling, Rank>()),
      "max_\(suffix)_same": one(PoolingLayer<MaxPooling, Rank>(poolSize: 3, strides: 2, padding: .same)),
      "average_\(suffix)": one(PoolingLayer<AveragePooling, Rank>()),
      "average_\(suffix)_same": one(PoolingLayer<AveragePooling, Rank>(poolSize: 3, strides: 1, padding: .same)),
      "min_\(suffix)": one(PoolingLayer<MinPooling, Rank>()),
      "global_max_\(suffix)": one(GlobalPoolingLayer<MaxPooling, Rank>()),
      "global_average_\(suffix)": one(GlobalPoolingLayer<AveragePooling, Rank>(keepDims: true)),
    ]
  }

  private static let shapes: [String: Build] = [
    "zero_padding1d": one(ZeroPadding1D()), "zero_padding1d_sides": one(ZeroPadding1D(padding: [2, 0])),
    "zero_padding2d": one(ZeroPadding2D(padding: [[1, 0], [0, 2]])),
    "zero_padding3d": one(ZeroPadding3D(padding: [1, 0, 2])),
    "cropping1d": one(Cropping1D()), "cropping1d_sides": one(Cropping1D(cropping: [0, 2])),
    "cropping2d": one(Cropping2D(cropping: [[1, 0], [0, 2]])), "cropping3d": one(Cropping3D()),
    "up_sampling1d": one(UpSampling1D(size: 3)), "up_sampling2d": one(UpSampling2D(size: [2, 3])),
    "up_sampling2d_bilinear": one(UpSampling2D(size: [2, 3], interpolation: .bilinear)),
    "up_sampling3d": one(UpSampling3D(size: [1, 2, 3])),
    "resizing_up": one(Resizing(height: 7, width: 6)), "resizing_down": one(Resizing(height: 2, width: 3)),
    "resizing_same": one(Resizing(height: 4, width: 9)),
    "resizing_nearest_up": one(Resizing(height: 7, width: 6, interpolation: .nearest)),
    "resizing_nearest_down": one(Resizing(height: 2, width: 3, interpolation: .nearest)),
    "resizing_crop_wide": one(Resizing(height: 2, width: 5, cropToAspectRatio: true)),
    "resizing_crop_tall": one(Resizing(height: 6, width: 2, cropToAspectRatio: true)),
    "center_crop": one(CenterCrop(height: 2, width: 2)), "center_crop_larger": one(CenterCrop(height: 6, width: 3)),
    "reshape": one(Reshape([-1, 2])), "permute": one(Permute([2, 1])), "repeat_vector": one(RepeatVector(3)),
    "rescaling": one(Rescaling(scale: 2, offset: -0.5)),
  ]

  private static let joins: [String: Build] = [
    "dot": { [Dot(axes: 1)($0)] }, "dot_matrices": { [Dot(axes: [2, 1])($0)] },
    "dot_normalized": { [Dot(axes: -1, normalize: true)($0)] }, "concatenate": { [Concatenate(axis: 1)($0)] },
    "average": { [Average()($0)] },
    "category_encoding_multi_hot": one(CategoryEncoding(numTokens: 7)),
    "category_encoding_count": one(CategoryEncoding(numTokens: 7, outputMode: .count)),
    "category_encoding_one_hot": one(CategoryEncoding(numTokens: 4, outputMode: .oneHot)),
    "discretization": one(Discretization(binBoundaries: [-0.5, 0, 0.25])),
  ]

  private static let augmentation: [String: Build] = {
    var table: [String: Build] = [
      "random_rotation_quarter": one(RandomRotation([0.25, 0.25])),
      "random_rotation": one(RandomRotation([0.07, 0.07])),
      "random_zoom_out": one(RandomZoom(heightFactor: [0.5, 0.5])),
      "random_zoom_in": one(RandomZoom(heightFactor: [-0.4, -0.4], widthFactor: [0.3, 0.3])),
      "random_brightness": one(RandomBrightness([0.2, 0.2], valueRange: -1...1)),
    ]
    for mode in FillMode.allCases {
      table["random_translation_\(mode.rawValue)"] = one(
        RandomTranslation(heightFactor: [0.3, 0.3], widthFactor: [-0.45, -0.45], fillMode: mode, fillValue: 0.5))
    }
    return table
  }()

  private static let recurrent: [String: Build] = {
    var table: [String: Build] = [
      "bidirectional_lstm_apart": {
        Bidirectional(LSTM(2, returnSequences: true), mergeMode: nil).outputs(of: $0[0])
      },
      "masking": one(Masking(maskValue: -1)),
      "masked_mean": { [GlobalAveragePooling1D()(Dense(3)(Masking()($0[0])))] },
      "time_distributed_dense": one(TimeDistributed(Dense(3, activation: .tanh))),
      "time_distributed_conv": one(TimeDistributed(Conv2D(2, kernelSize: 2))),
    ]
    table["conv_lstm"] = one(ConvLSTM2D(2, kernelSize: 3))
    table["conv_lstm_sequences"] = one(
      ConvLSTM2D(
        2, kernelSize: [2, 3], strides: [2, 1], padding: .same, recurrentActivation: .hardSigmoid, useBias: false,
        returnSequences: true, goBackwards: true))
    table["conv_lstm_state"] = {
      ConvLSTM2D(1, kernelSize: 2, dilationRate: 2, returnSequences: true, returnState: true).outputs(of: $0[0])
    }
    table["conv_lstm_1d"] = one(ConvLSTM1D(2, kernelSize: 3, padding: .same, activation: .relu))
    add("lstm", to: &table) { LSTM($0) }
    add("gru", to: &table) { GRU($0) }
    add("simple_rnn", to: &table) { SimpleRNN($0) }
    return table
  }()

  private static func add<Wrapped: RecurrentLayer>(
    _ name: String, to table: inout [String: Build], _ make: @escaping @Sendable (Int) -> Wrapped
  ) {
    @Sendable func layer(
      _ units: Int = 3, sequences: Bool = false, state: Bool = false, backwards: Bool = false, bias: Bool = true
    ) -> Wrapped {
      var layer = make(units)
      (layer.options.returnSequences, layer.options.returnState) = (sequences, state)
      (layer.options.goBackwards, layer.options.useBias) = (backwards, bias)
      return layer
    }
    table[name] = one(layer())
    table["\(name)_sequences"] = one(layer(sequences: true, bias: false))
    table["\(name)_backwards"] = one(layer(sequences: true, backwards: true))
    table["\(name)_state"] = { layer(sequences: true, state: true).outputs(of: $0[0]) }
    table["\(name)_initial_state"] = {
      layer(state: true).outputs(of: $0[0], initialState: Array($0.dropFirst()))
    }
    table["\(name)_masked"] = { [layer(sequences: true)(Masking()($0[0]))] }
    table["\(name)_masked_last"] = { [layer(backwards: true)(Masking()($0[0]))] }
    for mode in MergeMode.allCases {
      table["bidirectional_\(name)_\(mode.rawValue)"] = one(Bidirectional(layer(2), mergeMode: mode))
    }
    table["bidirectional_\(name)_sequences"] = one(Bidirectional(layer(2, sequences: true)))
    table["bidirectional_\(name)_state"] = { Bidirectional(layer(2, state: true)).outputs(of: $0[0]) }
    guard name != "simple_rnn" else { return }
    table["bidirectional_\(name)_masked"] = { [Bidirectional(layer(2, sequences: true))(Masking()($0[0]))] }
  }
}
