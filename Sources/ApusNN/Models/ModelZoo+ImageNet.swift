import ApusCore
import ApusGraph
import ApusOperators

/// Models of images of 224 × 224 in 1,000 classes.
extension ModelZoo {
  static let vgg16 = Entry(
    name: "vgg16",
    summary: """
      // VGG16 (Simonyan and Zisserman 2015): thirteen convolutions of 3 × 3 in five blocks, three dense layers.
      // 138,357,544 parameters.
      """, readsSmallImages: false
  ) {
    try Sequential(name: "vgg16", input: [224, 224, 3]) {
      for (block, (filters, count)) in [(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)].enumerated() {
        for number in 1...count {
          Conv2D(
            filters, kernelSize: 3, padding: .same, activation: .relu, name: "block\(block + 1)_conv\(number)")
        }
        MaxPooling2D(name: "block\(block + 1)_pool")
      }
      Flatten(name: "flatten")
      Dense(4096, activation: .relu, name: "fc1")
      Dense(4096, activation: .relu, name: "fc2")
      Dense(1000, activation: .softmax, name: "predictions")
    }
  }

  static let resnet50 = Entry(
    name: "resnet50",
    summary: """
      // ResNet-50 (He et al. 2016): sixteen blocks of three convolutions, each added to its input. Where a block halves
      // the image, its convolution of 3 × 3 does (version 1.5).
      // 25,557,032 parameters, and 53,120 moving averages.
      """, readsSmallImages: false
  ) {
    /// A convolution without bias, its normalization, and ReLU unless something is added first.
    func convolution(
      _ x: SymbolicTensor, _ filters: Int, _ size: SpatialSize, strides: SpatialSize = 1, padding: Padding = .valid,
      name: String, isActivated: Bool = true
    ) -> SymbolicTensor {
      var x = Conv2D(
        filters, kernelSize: size, strides: strides, padding: padding, useBias: false, name: name + "_conv")(x)
      x = BatchNormalization(momentum: 0.9, epsilon: 1e-5, name: name + "_bn")(x)
      return isActivated ? Activation(.relu, name: name + "_relu")(x) : x
    }
    let around = Padding.explicit([[1, 1], [1, 1]])

    let input = Input([224, 224, 3], name: "input")
    var x = convolution(input, 64, 7, strides: 2, padding: .explicit([[3, 3], [3, 3]]), name: "conv1")
    x = MaxPooling2D(poolSize: 3, strides: 2, padding: around, name: "pool1")(x)
    for (stage, (filters, blocks)) in [(64, 3), (128, 4), (256, 6), (512, 3)].enumerated() {
      for block in 1...blocks {
        let name = "conv\(stage + 2)_block\(block)"
        let strides: SpatialSize = stage > 0 && block == 1 ? 2 : 1
        // A block's input has other channels than its output in the first block of each stage.
        let shortcut =
          block > 1 ? x : convolution(x, 4 * filters, 1, strides: strides, name: name + "_0", isActivated: false)
        x = convolution(x, filters, 1, name: name + "_1")
        x = convolution(x, filters, 3, strides: strides, padding: around, name: name + "_2")
        x = convolution(x, 4 * filters, 1, name: name + "_3", isActivated: false)
        x = Add(name: name + "_add")([shortcut, x])
        x = Activation(.relu, name: name + "_out")(x)
      }
    }
    x = GlobalAveragePooling2D(name: "avg_pool")(x)
    return try Model(name: "resnet50", input, Dense(1000, activation: .softmax, name: "predictions")(x))
  }

  static let mobileNetV2 = Entry(
    name: "mobilenet_v2",
    summary: """
      // MobileNetV2 (Sandler et al. 2018): seventeen blocks that widen the channels, convolve each by itself and narrow
      // them again, added to their input where the shapes agree.
      // 3,504,872 parameters, and 34,112 moving averages.
      """, readsSmallImages: false
  ) {
    func normalized(_ x: SymbolicTensor, name: String) -> SymbolicTensor {
      BatchNormalization(momentum: 0.999, name: name)(x)
    }
    func pointwise(_ x: SymbolicTensor, _ filters: Int, name: String) -> SymbolicTensor {
      Conv2D(filters, kernelSize: 1, useBias: false, name: name)(x)
    }

    let input = Input([224, 224, 3], name: "input")
    var x = Conv2D(32, kernelSize: 3, strides: 2, padding: .same, useBias: false, name: "conv1")(input)
    x = Activation(.relu6, name: "conv1_relu")(normalized(x, name: "conv1_bn"))
    var (channels, block) = (32, 0)
    // Width, channels, blocks and first stride of each group, as in the paper's table 2.
    for (expansion, filters, count, stride) in [
      (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
    ] {
      for position in 0..<count {
        let name = "block_\(block)"
        let start = x
        if expansion > 1 {
          x = normalized(pointwise(x, expansion * channels, name: name + "_expand"), name: name + "_expand_bn")
          x = Activation(.relu6, name: name + "_expand_relu")(x)
        }
        x = DepthwiseConv2D(
          kernelSize: 3, strides: position == 0 ? SpatialSize([stride]) : 1, padding: .same, useBias: false,
          name: name + "_depthwise")(x)
        x = Activation(.relu6, name: name + "_depthwise_relu")(normalized(x, name: name + "_depthwise_bn"))
        x = normalized(pointwise(x, filters, name: name + "_project"), name: name + "_project_bn")
        if position > 0 { x = Add(name: name + "_add")([start, x]) }
        (channels, block) = (filters, block + 1)
      }
    }
    x = normalized(pointwise(x, 1280, name: "conv_last"), name: "conv_last_bn")
    x = Activation(.relu6, name: "out_relu")(x)
    x = Dropout(0.2, name: "dropout")(GlobalAveragePooling2D(name: "avg_pool")(x))
    return try Model(name: "mobilenet_v2", input, Dense(1000, activation: .softmax, name: "predictions")(x))
  }
}
