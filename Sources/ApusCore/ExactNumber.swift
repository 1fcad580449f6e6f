/// A number as a text writes it, before it is known what element type it gets: any integer of 64 bits or any double.
///
/// Attributes that fill elements are of this type, because a double does not hold every `i64`. A double that is a whole
/// number is the integer, so that 1 and 1.0 are one number; -0.0 is not 0, and there is one NaN.
public struct ExactNumber: Hashable, Sendable {
  package enum Kind: Hashable, Sendable {
    case integer(Int64)
    /// The bits of a double that is no integer.
    case real(UInt64)
  }

  package let kind: Kind

  public init(_ value: Double) {
    if let integer = Int64(exactly: value), !(value == 0 && value.sign == .minus) {
      kind = .integer(integer)
    } else {
      kind = .real(value.canonical.bitPattern)
    }
  }

  public init(_ value: Int64) { kind = .integer(value) }

  /// The nearest double.
  public var double: Double {
    switch kind {
    case .integer(let n): Double(n)
    case .real(let bits): Double(bitPattern: bits)
    }
  }

  /// Whether it is neither a fraction nor NaN; every finite double from 2⁵³ on is whole.
  public var isWholeOrInfinite: Bool { double.rounded() == double }

  /// The number as an element: rounded to nearest by floats, exact in integers and `bool`.
  /// - Returns: nil if the type lacks it: an integer out of range, a fraction or NaN for integers, a finite number
  ///   beyond the largest of a float, anything but 0 and 1 for `bool`.
  public func element<Element: TensorElement>(as type: Element.Type = Element.self) -> Element? {
    let element: Element
    switch (kind, Element.dtype.kind) {
    case (.integer(let n), _): element = Element(converting: n)
    case (.real(let bits), .floating): element = Element(converting: Double(bitPattern: bits))
    case (.real, .signed), (.real, .unsigned), (.real, .boolean): return nil
    }
    switch Element.dtype.kind {
    case .floating: return element.asDouble.isInfinite && double.isFinite ? nil : element
    case .signed, .unsigned, .boolean: return kind == .integer(element.asInt64) ? element : nil
    }
  }

  /// Whether `dtype` has the number; see `element`.
  public func fits(_ dtype: DType) -> Bool {
    var fit = Fit(number: self)
    return (try? dtype.dispatch(&fit)) ?? false
  }

  private struct Fit: TensorElementVisitor {
    let number: ExactNumber
    func visit<Element: TensorElement>(_ type: Element.Type) throws -> Bool { number.element(as: type) != nil }
  }
}

extension ExactNumber: ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral {
  public init(integerLiteral value: Int64) { self.init(value) }
  public init(floatLiteral value: Double) { self.init(value) }
}

extension ExactNumber: CustomStringConvertible {
  public var description: String {
    switch kind {
    case .integer(let n): "\(n)"
    case .real: DecimalText.describe(double)
    }
  }
}

extension Tensor {
  /// A tensor that repeats one number.
  /// - Throws: `ApusError` if `dtype` lacks the number.
  public init(filling dimensions: [Int], with number: ExactNumber, _ dtype: DType) throws {
    var fill = FillExactly(dimensions: dimensions, number: number)
    self = try dtype.dispatch(&fill)
  }
}

private struct FillExactly: TensorElementVisitor {
  let dimensions: [Int]
  let number: ExactNumber

  func visit<Element: TensorElement>(_ type: Element.Type) throws -> Tensor {
    guard let element = number.element(as: type) else {
      throw ApusError.input("\(number) does not fit in \(Element.dtype)")
    }
    var result = try Tensor(uninitialized: Element.dtype, dimensions)
    result.withMutableElements(as: type) { $0.update(repeating: element) }
    return result
  }
}
