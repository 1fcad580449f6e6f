/// Arithmetic on host memory, to prepare data: models compute with graphs.
extension Tensor {
  /// The same numbers as another type: `Tensor(images, as: Float.self)`. Conversion is that of the operator `cast`.
  public init<Element: TensorElement>(_ other: Tensor, as type: Element.Type) throws {
    var conversion = Conversion<Element>(source: other)
    self = try other.dtype.dispatch(&conversion)
  }

  /// The same numbers as another type, as the operator `cast` converts them.
  package func converted(to dtype: DType) throws -> Tensor {
    var conversion = ConversionTo(source: self)
    return try dtype.dispatch(&conversion)
  }

  public static func + (a: Tensor, b: Double) throws -> Tensor { try a.mapped("+") { $0 + b } }
  public static func - (a: Tensor, b: Double) throws -> Tensor { try a.mapped("-") { $0 - b } }
  public static func * (a: Tensor, b: Double) throws -> Tensor { try a.mapped("*") { $0 * b } }
  public static func / (a: Tensor, b: Double) throws -> Tensor { try a.mapped("/") { $0 / b } }
  public static func + (a: Tensor, b: Tensor) throws -> Tensor { try a.combined(b, "+") { $0 + $1 } }
  public static func - (a: Tensor, b: Tensor) throws -> Tensor { try a.combined(b, "-") { $0 - $1 } }
  public static func * (a: Tensor, b: Tensor) throws -> Tensor { try a.combined(b, "*") { $0 * $1 } }
  public static func / (a: Tensor, b: Tensor) throws -> Tensor { try a.combined(b, "/") { $0 / $1 } }

  /// Each element computed in double precision and rounded once: for one operation the same as in the element's type.
  private func mapped(_ name: String, _ f: @escaping (Double) -> Double) throws -> Tensor {
    try requireFloating(name)
    var map = Mapping(a: self, b: nil) { x, _ in f(x) }
    return try dtype.dispatch(&map)
  }

  private func combined(_ other: Tensor, _ name: String, _ f: @escaping (Double, Double) -> Double) throws -> Tensor {
    try requireFloating(name)
    guard type == other.type else {
      throw ApusError.input(
        "\(type) \(name) \(other.type): both must be of one type and shape", help: "graphs broadcast and convert")
    }
    var map = Mapping(a: self, b: other, function: f)
    return try dtype.dispatch(&map)
  }

  private func requireFloating(_ name: String) throws {
    guard dtype.isFloating else {
      throw ApusError.input(
        "'\(name)' needs floating-point numbers, not \(type)", help: "convert first: Tensor(x, as: Float.self)")
    }
  }
}

private struct Conversion<Target: TensorElement>: TensorElementVisitor {
  let source: Tensor

  mutating func visit<Element: TensorElement>(_ type: Element.Type) throws -> Tensor {
    var result = try Tensor(uninitialized: Target.dtype, source.dimensions)
    let isWhole = !Element.dtype.isFloating && !Target.dtype.isFloating
    source.withElements(as: type) { from in
      result.withMutableElements(as: Target.self) { to in
        for i in from.indices {
          to[i] = isWhole ? Target(converting: from[i].asInt64) : Target(converting: from[i].asDouble)
        }
      }
    }
    return result
  }
}

private struct Mapping: TensorElementVisitor {
  let a: Tensor
  let b: Tensor?
  let function: (Double, Double) -> Double

  mutating func visit<Element: TensorElement>(_ type: Element.Type) throws -> Tensor {
    var result = try Tensor(uninitialized: a.dtype, a.dimensions)
    a.withElements(as: type) { x in
      (b ?? a).withElements(as: type) { y in
        result.withMutableElements(as: type) { to in
          for i in x.indices { to[i] = Element(converting: function(x[i].asDouble, y[i].asDouble)) }
        }
      }
    }
    return result
  }
}

private struct ConversionTo: TensorElementVisitor {
  let source: Tensor

  mutating func visit<Element: TensorElement>(_ type: Element.Type) throws -> Tensor {
    try Tensor(source, as: Element.self)
  }
}
