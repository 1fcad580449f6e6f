/// One dimension of a shape: a number, or a symbol (`batch`) that `specialize` binds to one.
public enum Dim: Hashable, Sendable, CustomStringConvertible, ExpressibleByIntegerLiteral, ExpressibleByStringLiteral {
  case number(Int)
  case symbol(String)

  public init(integerLiteral value: Int) { self = .number(value) }
  public init(stringLiteral value: String) { self = .symbol(value) }

  /// The number, or nil for a symbol.
  public var number: Int? { if case .number(let n) = self { n } else { nil } }
  public var symbol: String? { if case .symbol(let s) = self { s } else { nil } }

  /// The dimension with its symbol replaced, if `bindings` has it.
  public func bound(_ bindings: [String: Int]) -> Dim {
    if case .symbol(let name) = self, let n = bindings[name] { .number(n) } else { self }
  }

  public var description: String {
    switch self {
    case .number(let n): String(n)
    case .symbol(let s): s
    }
  }
}

/// The dimensions of a tensor, outermost first; row-major. A scalar has none.
public struct Shape: Hashable, Sendable, ExpressibleByArrayLiteral, CustomStringConvertible {
  public var dims: [Dim]

  public init(_ dims: [Dim]) { self.dims = dims }
  public init(_ numbers: [Int]) { dims = numbers.map(Dim.number) }
  public init(arrayLiteral elements: Dim...) { dims = elements }

  public static let scalar = Shape([Dim]())

  public var rank: Int { dims.count }
  public var isScalar: Bool { dims.isEmpty }

  public subscript(_ axis: Int) -> Dim {
    get { dims[axis] }
    set { dims[axis] = newValue }
  }

  /// All dimensions as numbers, or nil if one is a symbol.
  public var numbers: [Int]? {
    var result: [Int] = []
    result.reserveCapacity(dims.count)
    for dim in dims {
      guard let n = dim.number else { return nil }
      result.append(n)
    }
    return result
  }

  /// The number of elements, or nil if a dimension is a symbol or the product overflows.
  public var elementCount: Int? { numbers.flatMap { Shape.elementCount($0) } }

  /// The product of `dimensions`, or nil if it overflows; zero sizes are honored before overflow is.
  public static func elementCount(_ dimensions: [Int]) -> Int? {
    if dimensions.contains(0) { return 0 }
    var product = 1
    for n in dimensions {
      let (value, overflow) = product.multipliedReportingOverflow(by: n)
      if overflow { return nil }
      product = value
    }
    return product
  }

  public func bound(_ bindings: [String: Int]) -> Shape { Shape(dims.map { $0.bound(bindings) }) }

  /// The symbols in order of first use.
  public var symbols: [String] {
    var seen: [String] = []
    for case .symbol(let name) in dims where !seen.contains(name) { seen.append(name) }
    return seen
  }

  /// NumPy's broadcasting: aligned at the last axis, dimensions agree if they are equal or one of them is 1.
  /// Nil if they do not, or if a symbol meets a different dimension other than 1.
  public static func broadcast(_ a: Shape, _ b: Shape) -> Shape? {
    let rank = max(a.rank, b.rank)
    var dims: [Dim] = []
    dims.reserveCapacity(rank)
    for axis in 0..<rank {
      let x = axis < rank - a.rank ? 1 : a.dims[axis - (rank - a.rank)]
      let y = axis < rank - b.rank ? 1 : b.dims[axis - (rank - b.rank)]
      if x == y || y == 1 { dims.append(x) } else if x == 1 { dims.append(y) } else { return nil }
    }
    return Shape(dims)
  }

  public var description: String { "[" + dims.map(\.description).joined(separator: ", ") + "]" }
}

/// Element type and shape: all that is known of a value before it is computed. Prints as `f32[batch, 784]`.
public struct TensorType: Hashable, Sendable, CustomStringConvertible {
  public var dtype: DType
  public var shape: Shape

  public init(_ dtype: DType, _ shape: Shape) {
    self.dtype = dtype
    self.shape = shape
  }

  public static func scalar(_ dtype: DType) -> TensorType { TensorType(dtype, .scalar) }

  public var rank: Int { shape.rank }
  public func bound(_ bindings: [String: Int]) -> TensorType { TensorType(dtype, shape.bound(bindings)) }
  public func with(dtype: DType) -> TensorType { TensorType(dtype, shape) }
  public func with(shape: Shape) -> TensorType { TensorType(dtype, shape) }

  /// Bytes of a dense tensor of this type, or nil if the shape is symbolic.
  public var byteCount: Int? {
    shape.elementCount.flatMap {
      let (bytes, overflow) = $0.multipliedReportingOverflow(by: dtype.byteCount)
      return overflow ? nil : bytes
    }
  }

  public var description: String { shape.isScalar ? dtype.rawValue : dtype.rawValue + shape.description }
}
