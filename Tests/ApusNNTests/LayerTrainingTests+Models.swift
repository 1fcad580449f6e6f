import Apus

/// Models that train in `LayerTrainingTests`.
extension LayerTrainingTests {
  /// Augmentation and noise, whose random numbers must be the same in native code.
  static func augmentation() throws -> Model {
    let input = Input([8, 8, 2])
    var x = RandomFlip(.horizontal)(input)
    x = RandomRotation(0.02)(RandomTranslation(heightFactor: 0.05, widthFactor: 0.05, fillMode: .constant)(x))
    x = RandomZoom(heightFactor: 0.1, fillMode: .nearest)(x)
    x = RandomContrast(0.1, valueRange: -2...2)(RandomBrightness(0.02, valueRange: -2...2)(x))
    x = RandomErasing(factor: 0.3, scale: [0.1, 0.2], fillValue: 0)(x)
    x = RandomCrop(height: 7, width: 7)(x)
    x = SpatialDropout2D(0.1)(Conv2D(6, kernelSize: 3, activation: .relu)(x))
    x = GaussianNoise(0.02)(GroupNormalization(groups: 3)(x))
    x = Resizing(height: 3, width: 3)(DepthwiseConv2D(kernelSize: 2)(x))
    x = AlphaDropout(0.05)(GaussianDropout(0.05)(Flatten()(x)))
    return try Model(name: "augmentation", input, Dense(3, activation: .softmax)(x))
  }

  /// Masks, both directions, states and steps one by one.
  static func recurrence() throws -> Model {
    let input = Input([5, 4])
    let x = Masking()(input)
    let parts = GRU(6, returnSequences: true, returnState: true, dropout: 0.1, recurrentDropout: 0.1).outputs(of: x)
    var y = Bidirectional(LSTM(4, returnSequences: true), mergeMode: .sum)(parts[0])
    y = TimeDistributed(Dense(6, activation: .tanh))(RMSNormalization()(y))
    let last = SimpleRNN(6)(y, initialState: [parts[1]])
    let mean = GlobalAveragePooling1D()(y)
    return try Model(name: "recurrence", input, Dense(3, activation: .softmax)(Concatenate()([last, mean])))
  }

  /// Sequences of images, with dropout in them.
  static func films() throws -> Model {
    let input = Input([3, 6, 6, 2])
    let x = ConvLSTM2D(
      4, kernelSize: 3, strides: 2, padding: .same, returnSequences: true, dropout: 0.1, recurrentDropout: 0.1)(input)
    let parts = ConvLSTM2D(3, kernelSize: 2, returnState: true, goBackwards: true).outputs(of: x)
    let y = Add()([parts[0], Activation(.tanh)(parts[2])])
    return try Model(name: "films", input, Dense(3, activation: .softmax)(Flatten()(y)))
  }

  /// Sequences that grow and shrink, a model that is shared, and one that is frozen.
  static func nesting() throws -> Model {
    let encoder = Shared(
      try Sequential(name: "encoder", input: [6, 4]) {
        SeparableConv1D(4, kernelSize: 3, padding: .same, activation: .relu)
        Conv1DTranspose(4, kernelSize: 2, strides: 2)
        Cropping1D(cropping: 3)
      })
    let input = Input([6, 4])
    let fixed = try Sequential(name: "fixed", input: [6, 4]) {
      Dense(4)
      BatchNormalization()
    }.frozen()
    let (a, b) = (encoder(input), encoder(fixed(input)))
    let cosines = Dot(axes: -1, normalize: true)([a, b])
    let x = Flatten()(UpSampling1D()(ZeroPadding1D()(Concatenate()([cosines, a]))))
    return try Model(name: "nesting", input, Dense(3, activation: .softmax)(UnitNormalization()(x)))
  }
}
