import ApusCore
import ApusGraph
import ApusOperators

extension Value {
  /// Vectors along the last axis with their lengths brought below 1: v = |s|² / (1 + |s|²) · s / |s|. Vectors of zeros stay.
  ///
  /// Source: Sabour, Frosst and Hinton, "Dynamic routing between capsules", 2017, equation 1.
  public func squashed() throws -> Value {
    // |s|² / (1 + |s|²) / |s| = |s| / (1 + |s|²); the smallest length keeps the root's derivative finite.
    // In 16 bits it would be 0 itself.
    let x = try widened()
    let square = try x.square().sum(axes: [-1], keepDims: true)
    return try (x * ((square + 1e-12).sqrt() / (square + 1))).cast(to: dtype)
  }
}

/// The first capsules of a network: a convolution whose channels are read as vectors, which `Value.squashed` shortens.
///
/// - Input: `(batch, height, width, channels)`.
/// - Output: `(batch, positions · capsules, dimension)`: `capsules` vectors for each position of the convolution.
/// - Variables: `kernel` `(kernelSize…, channels, capsules · dimension)`, `bias` `(capsules · dimension)`.
/// - Errors: those of `Conv2D`; a count is not positive.
///
/// Source: Sabour, Frosst and Hinton, "Dynamic routing between capsules", 2017, section 4; defaults as there.
public struct PrimaryCapsules: Layer {
  public static let typeName = "PrimaryCapsules"
  public static let passesMask = false
  /// The number of capsules at each position.
  public var capsules: Int
  /// The number of elements of a capsule's vector.
  public var dimension: Int
  public var kernelSize, strides: SpatialSize
  public var padding: Padding
  public var kernelInitializer, biasInitializer: Initializer
  public var name: String?

  /// - Parameters:
  ///   - capsules: the number of capsules at each position.
  ///   - dimension: the number of elements of a capsule's vector.
  ///   - kernelSize: the kernel's size along height and width.
  ///   - strides: the distance between neighboring positions of the kernel.
  public init(
    _ capsules: Int = 32, dimension: Int = 8, kernelSize: SpatialSize = 9, strides: SpatialSize = 2,
    padding: Padding = .valid, kernelInitializer: Initializer = .glorotUniform, biasInitializer: Initializer = .zeros,
    name: String? = nil
  ) {
    (self.capsules, self.dimension, self.kernelSize, self.strides) = (capsules, dimension, kernelSize, strides)
    (self.padding, self.kernelInitializer) = (padding, kernelInitializer)
    (self.biasInitializer, self.name) = (biasInitializer, name)
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    try context.requirePositive(capsules, "the number of capsules")
    try context.requirePositive(dimension, "the dimension")
    let y = try Conv2D(
      capsules * dimension, kernelSize: kernelSize, strides: strides, padding: padding,
      kernelInitializer: kernelInitializer, biasInitializer: biasInitializer
    ).build(x, context)
    let size = try context.imageSize(y)
    return try y.reshaped([
      y.shape[0], .number(size.height * size.width * capsules), .number(dimension),
    ]).squashed()
  }
}

/// Capsules that read all capsules before them, by routing by agreement. With predictions û[i, j] = x[i] · kernel[i, j] and
/// logits b = 0, each iteration computes c = softmax of b over j, v[j] = squash(Σᵢ c[i, j] û[i, j]) and
/// b[i, j] += û[i, j] · v[j]; the output is the last v.
///
/// - Input: `(batch, inputs, size)`, such as `PrimaryCapsules` gives.
/// - Output: `(batch, capsules, dimension)`; the length of a vector says whether what it stands for is there
///   (`CapsuleLength`).
/// - Variables: `kernel` `(inputs, size, capsules · dimension)`.
/// - Errors: the input does not have three axes, or a size is unknown; a count is not positive.
///
/// Source: Sabour, Frosst and Hinton, "Dynamic routing between capsules", 2017, procedure 1; defaults as there. Gradients
/// flow through all iterations.
public struct Capsules: Layer {
  public static let typeName = "Capsules"
  public static let passesMask = false
  public var capsules: Int
  /// The number of elements of a capsule's vector.
  public var dimension: Int
  /// The number of iterations.
  public var routings: Int
  public var kernelInitializer: Initializer
  public var name: String?

  /// - Parameters:
  ///   - capsules: the number of capsules, such as that of the classes.
  ///   - dimension: the number of elements of a capsule's vector.
  ///   - routings: the number of iterations of the routing.
  public init(
    _ capsules: Int, dimension: Int = 16, routings: Int = 3, kernelInitializer: Initializer = .glorotUniform,
    name: String? = nil
  ) {
    (self.capsules, self.dimension, self.routings) = (capsules, dimension, routings)
    (self.kernelInitializer, self.name) = (kernelInitializer, name)
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    for (count, what) in [(capsules, "capsules"), (dimension, "elements"), (routings, "routings")] {
      try context.requirePositive(count, "the number of \(what)")
    }
    guard x.rank == 3, let inputs = x.shape[1].number, let size = x.shape[2].number else {
      throw context.error("the input must be (batch, capsules, size), not \(x.type)")
    }
    let kernel = try context.variable(
      "kernel", x.dtype, [.number(inputs), .number(size), .number(capsules * dimension)], kernelInitializer)
    // û with the input capsules first, whose products with their own kernels are one batched product.
    let products = try x.transposed([1, 0, 2]).matmul(kernel)
    let predictions = try products.reshaped([
      .number(inputs), x.shape[0], .number(capsules), .number(dimension),
    ])
    // Equal logits: the first iteration's coefficients are all 1 / capsules.
    var v = try (predictions.sum(axes: [0]) * (1 / Double(capsules))).squashed()
    var logits: Value?
    for _ in 1..<routings {
      let agreement = try (predictions * v.expandedDims(at: 0)).sum(axes: [3])
      let sum = try logits.map { try $0 + agreement } ?? agreement
      logits = sum
      v = try (predictions * sum.softmax(axis: -1).expandedDims(at: 3)).sum(axes: [0]).squashed()
    }
    return v
  }
}

/// The lengths of capsules' vectors: y = √(Σ x²) over the last axis, as probabilities of classes.
///
/// - Input: `(batch, capsules, dimension)`.
/// - Output: `(batch, capsules)`.
/// - Errors: the element type is not a float.
///
/// Source: Sabour, Frosst and Hinton, "Dynamic routing between capsules", 2017.
public struct CapsuleLength: Layer {
  public static let typeName = "CapsuleLength"
  public static let passesMask = false
  public var name: String?
  public init(name: String? = nil) { self.name = name }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    try context.requireFloats(x)
    // The smallest length keeps the root's derivative finite.
    return try (x.widened().square().sum(axes: [-1]) + 1e-12).sqrt().cast(to: x.dtype)
  }
}
