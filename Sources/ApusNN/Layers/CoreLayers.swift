import ApusCore
import ApusGraph
import ApusOperators

/// activation(x · kernel + bias), over the last axis.
public struct Dense: Layer {
  public static let typeName = "Dense"
  public var units: Int
  public var activation: ActivationFunction
  public var useBias: Bool
  public var kernelInitializer: Initializer
  public var biasInitializer: Initializer
  public var name: String?

  public init(
    _ units: Int, activation: ActivationFunction = .linear, useBias: Bool = true,
    kernelInitializer: Initializer = .glorotUniform, biasInitializer: Initializer = .zeros, name: String? = nil
  ) {
    self.units = units
    self.activation = activation
    self.useBias = useBias
    self.kernelInitializer = kernelInitializer
    self.biasInitializer = biasInitializer
    self.name = name
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    guard units > 0, units <= Limits.magnitude else {
      throw context.error("the number of units must be positive, not \(units)")
    }
    guard x.rank >= 2, let inputs = x.shape.dims.last?.number else {
      throw context.error("the input must be (batch, …, features), not \(x.type)")
    }
    let kernel = try context.variable("kernel", x.dtype, [.number(inputs), .number(units)], kernelInitializer)
    var y = try x.matmul(kernel)
    if useBias { y = try y + context.variable("bias", x.dtype, [.number(units)], biasInitializer) }
    return try activation.apply(y)
  }
}

/// An activation as a layer of its own.
public struct Activation: Layer {
  public static let typeName = "Activation"
  public var function: ActivationFunction
  public var name: String?

  public init(_ function: ActivationFunction, name: String? = nil) {
    self.function = function
    self.name = name
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value { try function.apply(x) }
}

/// All axes but the batch in one.
public struct Flatten: Layer {
  public static let typeName = "Flatten"
  public var name: String?
  public init(name: String? = nil) { self.name = name }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value { try x.flattened() }
}

/// The same elements of each sample under another shape; one dimension may be -1.
public struct Reshape: Layer {
  public static let typeName = "Reshape"
  public var target: [Int]
  public var name: String?

  public init(_ target: [Int], name: String? = nil) {
    self.target = target
    self.name = name
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    let rest = Shape(Array(x.shape.dims.dropFirst()))
    var target = target
    if let gap = target.firstIndex(of: -1) {
      let others = Shape.elementCount(target.filter { $0 != -1 }) ?? 0
      guard let own = rest.elementCount, others > 0, own % others == 0, target.count(where: { $0 == -1 }) == 1 else {
        throw context.error("a sample of shape \(rest) cannot become \(target)")
      }
      target[gap] = own / others
    }
    guard rest.elementCount == Shape.elementCount(target), target.allSatisfy({ $0 >= 0 }) else {
      throw context.error("a sample of shape \(rest) cannot become \(target): the numbers of elements differ")
    }
    return try x.reshaped(Shape([x.shape[0]] + target.map(Dim.number)))
  }
}

/// x · scale + offset, in `f32` where x is of integers: images stay bytes until they are used.
public struct Rescaling: Layer {
  public static let typeName = "Rescaling"
  public var scale: Double
  public var offset: Double
  public var name: String?

  public init(scale: Double, offset: Double = 0, name: String? = nil) {
    self.scale = scale
    self.offset = offset
    self.name = name
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    let y = try (x.dtype == .f64 ? x : x.cast(to: .f32)) * scale
    return offset == 0 ? y : try y + offset
  }
}

/// While training, each element is dropped with probability `rate` and the others scaled up by 1 / (1 − rate).
/// Srivastava et al. 2014.
public struct Dropout: Layer {
  public static let typeName = "Dropout"
  public var rate: Double
  public var seed: UInt64?
  public var name: String?

  public init(_ rate: Double, seed: UInt64? = nil, name: String? = nil) {
    self.rate = rate
    self.seed = seed
    self.name = name
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    guard rate >= 0, rate < 1 else { throw context.error("the rate must be at least 0 and below 1, not \(rate)") }
    // Layers of one model must not drop the same places: the name makes the seed.
    let hash = context.name.utf8.reduce(UInt64(0)) { $0 &* 31 &+ UInt64($1) }
    return try x.dropout(rate: rate, seed: seed ?? hash & 0xFFFF_FFFF)
  }
}
