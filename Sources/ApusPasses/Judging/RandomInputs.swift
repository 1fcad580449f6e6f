import ApusCore
import ApusGraph

/// Inputs that are a function of seed, kind and name, so that two graphs with the same parameters get the same.
public struct RandomInputs: Sendable, Hashable {
  /// What the inputs are like.
  public enum Kind: Sendable, Hashable, CaseIterable {
    /// Floats in a small range, small natural numbers, coin throws.
    case ordinary
    /// Few values, halves and zeros of both signs among them: many elements are equal, sums are exact, and rounding has
    /// to decide between two neighbors.
    case tied
    /// Magnitudes from 2⁻¹⁰ to 2¹⁰ with digits to the last bit, so that sums and products round.
    case wide
    /// The least and the largest finite numbers, those that other types cannot hold, the extremes of integers.
    case extreme
    /// One element in eight is special: a NaN, an infinity, a zero of either sign, a subnormal number. Most sums are finite.
    case sparse
    /// Two elements in three are special.
    case special
  }

  public let seed: UInt64
  public let kind: Kind

  public init(seed: UInt64, kind: Kind = .ordinary) {
    self.seed = seed
    self.kind = kind
  }

  /// A value for a variable: one that begins as ones is a scale or a variance and stays positive, in [0.5, 1.5) where the
  /// inputs are ordinary.
  public func tensor(_ variable: Variable) throws -> Tensor {
    try tensor(variable.label, variable.type, floats: variable.initializer == .ones ? 0.5..<1.5 : -2..<2)
  }

  /// A value of this type.
  /// - Parameters:
  ///   - range: of ordinary floats. If it holds positive numbers only, so do ties and extremes.
  ///   - limit: what ordinary integers stay below.
  /// - Throws: `ApusError` if the shape is symbolic or the tensor does not fit into memory.
  public func tensor(
    _ name: String, _ type: TensorType, floats range: Range<Double> = -2..<2, integersBelow limit: Int = 4
  ) throws -> Tensor {
    guard let dimensions = type.shape.numbers else {
      throw ApusError.input(
        "'\(name)' has the symbolic shape \(type.shape)", help: "bind its symbols to sizes, as batch=32")
    }
    // Drawn as doubles, which are there up to four times.
    let copies = 4
    let count =
      try TensorType(.f64, Shape([copies] + dimensions)).byteCountInMemory() / (copies * DType.f64.byteCount)
    let philox = Philox(seed: seed)
    let stream = StableHash.polynomial(name, multiplier: 33, start: 5381)
    var draw = ElementDraw(
      kind: kind, range: range, limit: limit, draws: (0..<count).map { philox.uniform($0, stream: stream) })
    draw.choices = kind == .ordinary ? [] : (count..<2 * count).map { philox.uniform($0, stream: stream) }
    draw.dimensions = dimensions
    return try type.dtype.dispatch(&draw)
  }
}

extension RandomInputs: CustomStringConvertible {
  /// `inputs of seed 1`, `special inputs of seed 1`
  public var description: String { (kind == .ordinary ? "" : "\(kind) ") + "inputs of seed \(seed)" }
}

/// Makes a tensor of numbers in [0, 1).
private struct ElementDraw: TensorElementVisitor {
  let kind: RandomInputs.Kind
  let range: Range<Double>
  /// Above ordinary integers.
  let limit: Int
  /// What ordinary elements are made of.
  let draws: [Double]
  /// Which special number an element is, if it is one.
  var choices: [Double] = []
  var dimensions: [Int] = []

  func visit<Element: TensorElement>(_ type: Element.Type) throws -> Tensor {
    let dtype = Element.dtype
    if dtype == .bool { return try Tensor(draws.map { $0 < 0.5 }, dimensions) }
    let ordinary = draws.map { draw in
      dtype.isFloating
        ? range.lowerBound + (range.upperBound - range.lowerBound) * draw : (Double(limit) * draw).rounded(.down)
    }
    var elements = ordinary.map { Element(converting: $0) }
    if kind == .wide, dtype.isFloating { elements = wide.map { Element(converting: $0) } }
    let special: [Element] = special()
    for (index, choice) in choices.enumerated() where choice < share && !special.isEmpty {
      elements[index] = special[Int(choice / share * Double(special.count))]
    }
    return try Tensor(elements, dimensions)
  }

  /// Floats of all signs, exponents and digits: a draw has 24 bits.
  private var wide: [Double] {
    zip(draws, choices).map { draw, choice in
      let exponent = Int(choice * 21) - 10
      let significand = 1 + draw + choice * 0x1p-24
      let isNegative = range.lowerBound < 0 && Int(choice * 0x1p24) & 1 == 1
      return Double(sign: isNegative ? .minus : .plus, exponent: exponent, significand: significand)
    }
  }

  /// How many of the elements are special.
  private var share: Double {
    switch kind {
    case .ordinary, .wide: 0
    case .tied: 1
    case .extreme: 0.75
    case .sparse: 0.125
    case .special: 0.66
    }
  }

  /// The special numbers of this kind. Integers stay ordinary unless they are to be extreme: many are positions, and a graph
  /// refuses those that are out of range.
  private func special<Element: TensorElement>() -> [Element] {
    if Element.dtype.isFloating { return special(Element.dtype).map { Element(converting: $0) } }
    if kind != .extreme { return [] }
    // What saturates gives the ends of the range. 2⁵³ + 1 is the first that a double rounds.
    let numbers: [Int64] = [-1, 0, 1, 127, 1 << 31 - 1, 1 << 53 + 1, .max - 1]
    return [Element(converting: 1e30), Element(converting: -1e30)]
      + numbers.filter { Element(converting: $0).asInt64 == $0 }.map { Element(converting: $0) }
  }

  private func special(_ dtype: DType) -> [Double] {
    let isPositive = range.lowerBound > 0
    let (largest, least, subnormal) = dtype.limits
    let magnitudes: [Double] =
      switch kind {
      case .ordinary, .wide: []
      case .tied: [0.5, 1, 1.5, 2, 2.5] + (isPositive ? [] : [0])
      // 65504 and 65520: the largest f16, and the least that rounds to infinity as one.
      case .extreme: [largest, largest / 2, least, subnormal, 65504, 65520, 0x1p24 + 1, 3e9, 1e19, 0.1]
      case .sparse, .special: [.infinity, .nan, 0, subnormal]
      }
    return magnitudes.flatMap { isPositive ? [$0] : [$0, -$0] }
  }
}

extension DType {
  /// The largest finite, the least normal and the least positive number of a floating type.
  fileprivate var limits: (largest: Double, least: Double, subnormal: Double) {
    func limits<F: BinaryFloatingPoint>(_ type: F.Type) -> (Double, Double, Double) {
      (Double(F.greatestFiniteMagnitude), Double(F.leastNormalMagnitude), Double(F.leastNonzeroMagnitude))
    }
    return switch self {
    case .f64: limits(Double.self)
    case .f16: limits(Float16.self)
    // The exponents of bf16 are those of f32, its largest number has fewer digits.
    case .bf16: (0x1.FEp127, 0x1p-126, 0x1p-133)
    case .f32, .i8, .u8, .i32, .i64, .bool: limits(Float.self)
    }
  }
}
