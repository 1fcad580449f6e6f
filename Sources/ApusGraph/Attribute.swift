import ApusCore

/// An attribute as the text format spells it.
///
/// Two are equal if their texts are: numbers are compared by their bits, so that 0 and -0.0 are two attributes and NaN is
/// one.
public indirect enum AttributeValue: Hashable, Sendable {
  /// Wider than any integer that an attribute or an element may be, so that each is whole until its type is known.
  case int(Int128)
  case float(Double)
  case bool(Bool)
  case string(String)
  /// A bare word: an enum case, an element type, a dimension's symbol.
  case name(String)
  case list([AttributeValue])
  /// `uniform(low: 0, high: 1)`
  case call(String, [AttributeArgument])
  /// The elements of a constant.
  case tensor(Tensor)

  public static func == (a: AttributeValue, b: AttributeValue) -> Bool {
    switch (a, b) {
    case (.int(let a), .int(let b)): a == b
    case (.float(let a), .float(let b)): ComparedByBits(wrappedValue: a) == ComparedByBits(wrappedValue: b)
    case (.bool(let a), .bool(let b)): a == b
    case (.string(let a), .string(let b)), (.name(let a), .name(let b)): a == b
    case (.list(let a), .list(let b)): a == b
    case (.call(let a, let x), .call(let b, let y)): a == b && x == y
    case (.tensor(let a), .tensor(let b)): a == b
    case (.int, _), (.float, _), (.bool, _), (.string, _), (.name, _), (.list, _), (.call, _), (.tensor, _): false
    }
  }

  public func hash(into hasher: inout Hasher) {
    switch self {
    case .int(let n): hasher.combine(n)
    case .float(let x): hasher.combine(ComparedByBits(wrappedValue: x))
    case .bool(let b): hasher.combine(b)
    case .string(let s), .name(let s): hasher.combine(s)
    case .list(let values): hasher.combine(values)
    case .call(let name, let arguments):
      hasher.combine(name)
      hasher.combine(arguments)
    case .tensor(let tensor): hasher.combine(tensor)
    }
  }
}

public struct AttributeArgument: Hashable, Sendable {
  public var label: String
  public var value: AttributeValue
  public init(_ label: String, _ value: AttributeValue) {
    self.label = label
    self.value = value
  }
}

/// A Swift type that can be an operator's attribute.
public protocol AttributeConvertible: Hashable, Sendable {
  /// What the text may hold, for messages: "an integer", "valid or same".
  static var attributeKind: String { get }
  var attributeValue: AttributeValue { get }
  /// Nil if the value is not of this kind.
  init?(attributeValue: AttributeValue)
  /// The attribute with the symbols of dimensions replaced.
  func bound(_ bindings: [String: Int]) -> Self
  /// The symbols of dimensions in it.
  var symbols: [String] { get }
  /// Whether values that are not the same attribute may be equal as Swift compares them, as 0.0 and -0.0 are. Operators
  /// with such an attribute are compared by its text too.
  static var mayHoldReals: Bool { get }
}

extension AttributeConvertible {
  public static var mayHoldReals: Bool { true }
  public func bound(_ bindings: [String: Int]) -> Self { self }
  public var symbols: [String] { [] }
}

/// An attribute's declaration: how to read and set it on an operator whose type is not known statically.
public struct AttributeRecord: Sendable {
  public let name: String
  public let summary: String
  public let kind: String
  public let isRequired: Bool
  /// Written first and without its label.
  public let isPositional: Bool
  public let defaultText: String
  let defaultValue: AttributeValue
  let mayHoldReals: Bool
  package let read: @Sendable (any Operator) -> AttributeValue?
  package let write: @Sendable (any Operator, AttributeValue) -> (any Operator)?
  let bind: @Sendable (any Operator, [String: Int]) -> any Operator
  let symbols: @Sendable (any Operator) -> [String]
}

extension Operator {
  /// Declares the attribute that `property` stores. Its default is its value in `Self()`.
  public static func attribute<Property: AttributeConvertible>(
    _ name: String, _ property: WritableKeyPath<Self, Property> & Sendable, _ summary: String, required: Bool = false,
    positional: Bool = false
  ) -> AttributeRecord {
    let standard = Self()[keyPath: property].attributeValue
    return AttributeRecord(
      name: name, summary: summary, kind: Property.attributeKind, isRequired: required, isPositional: positional,
      defaultText: AttributeText.describe(standard), defaultValue: standard, mayHoldReals: Property.mayHoldReals,
      read: { ($0 as? Self)?[keyPath: property].attributeValue },
      write: { op, value in
        guard var op = op as? Self, let new = Property(attributeValue: value) else { return nil }
        op[keyPath: property] = new
        return op
      },
      bind: { op, bindings in
        guard var typed = op as? Self else { return op }
        typed[keyPath: property] = typed[keyPath: property].bound(bindings)
        return typed
      },
      symbols: { ($0 as? Self)?[keyPath: property].symbols ?? [] })
  }

  /// The operator with symbols in its attributes replaced.
  package func withAttributesBound(_ bindings: [String: Int]) -> any Operator {
    Self.record.attributes.reduce(self as any Operator) { $1.bind($0, bindings) }
  }

  /// The symbols that the attributes use.
  package var symbols: [String] { Self.record.attributes.flatMap { $0.symbols(self) } }

  /// The value of the attribute `name`, nil if there is no such attribute.
  public func attributeValue(_ name: String) -> AttributeValue? {
    Self.record.attributes.first { $0.name == name }?.read(self)
  }

  /// Names and spellings of all attributes.
  public var attributeTexts: [(String, String)] {
    Self.record.attributes.compactMap { record in record.read(self).map { (record.name, AttributeText.describe($0)) } }
  }

  /// Whether both are the same operator with the same attributes, bit by bit.
  package func isEqual(to other: any Operator) -> Bool {
    guard (other as? Self) == self else { return false }
    // What is declared without `ComparedByBits` takes 0.0 and -0.0 for one number.
    return Self.record.attributes.allSatisfy { !$0.mayHoldReals || $0.read(self) == $0.read(other) }
  }
}

/// Integers in attributes and dimensions stay below 2³¹ in magnitude, so that products of two never overflow.
public enum Limits {
  public static let magnitude = Int(Int32.max)
}

extension Int: AttributeConvertible {
  public static var attributeKind: String { "an integer" }
  public static var mayHoldReals: Bool { false }
  public var attributeValue: AttributeValue { .int(Int128(self)) }
  public init?(attributeValue: AttributeValue) {
    guard case .int(let n) = attributeValue, n.magnitude <= Limits.magnitude else { return nil }
    self.init(n)
  }
}

extension UInt64: AttributeConvertible {
  public static var attributeKind: String { "a natural number" }
  public static var mayHoldReals: Bool { false }
  public var attributeValue: AttributeValue { .int(Int128(self)) }
  public init?(attributeValue: AttributeValue) {
    guard case .int(let n) = attributeValue else { return nil }
    self.init(exactly: n)
  }
}

extension Double: AttributeConvertible {
  public static var attributeKind: String { "a number" }
  public var attributeValue: AttributeValue { .float(self) }
  public init?(attributeValue: AttributeValue) {
    switch attributeValue {
    case .float(let x): self = x
    case .int(let n): self = Double(n)
    case .bool, .string, .name, .list, .call, .tensor: return nil
    }
  }
}

extension ExactNumber: AttributeConvertible {
  public static var attributeKind: String { Double.attributeKind }
  public static var mayHoldReals: Bool { false }
  public var attributeValue: AttributeValue {
    switch kind {
    case .integer(let n): .int(Int128(n))
    case .real: .float(double)
    }
  }
  public init?(attributeValue: AttributeValue) {
    switch attributeValue {
    case .float(let x): self.init(x)
    // Larger integers than any element's are numbers for floats.
    case .int(let n): self = Int64(exactly: n).map { ExactNumber($0) } ?? ExactNumber(Double(n))
    case .bool, .string, .name, .list, .call, .tensor: return nil
    }
  }
}

extension Bool: AttributeConvertible {
  public static var attributeKind: String { "true or false" }
  public static var mayHoldReals: Bool { false }
  public var attributeValue: AttributeValue { .bool(self) }
  public init?(attributeValue: AttributeValue) {
    guard case .bool(let b) = attributeValue else { return nil }
    self = b
  }
}

extension String: AttributeConvertible {
  public static var attributeKind: String { "a string" }
  public static var mayHoldReals: Bool { false }
  public var attributeValue: AttributeValue { .string(self) }
  public init?(attributeValue: AttributeValue) {
    guard case .string(let s) = attributeValue else { return nil }
    self = s
  }
}

extension Array: AttributeConvertible where Element: AttributeConvertible {
  public static var attributeKind: String { "a list, each \(Element.attributeKind)" }
  public static var mayHoldReals: Bool { Element.mayHoldReals }
  public var attributeValue: AttributeValue { .list(map(\.attributeValue)) }
  public init?(attributeValue: AttributeValue) {
    guard case .list(let values) = attributeValue else { return nil }
    var result: [Element] = []
    for value in values {
      guard let element = Element(attributeValue: value) else { return nil }
      result.append(element)
    }
    self = result
  }
  public func bound(_ bindings: [String: Int]) -> [Element] { map { $0.bound(bindings) } }
  public var symbols: [String] { flatMap(\.symbols) }
}

/// An attribute that may be absent; `none` spells its absence.
extension Optional: AttributeConvertible where Wrapped: AttributeConvertible {
  public static var attributeKind: String { "\(Wrapped.attributeKind), or none" }
  public static var mayHoldReals: Bool { Wrapped.mayHoldReals }
  public var attributeValue: AttributeValue { self?.attributeValue ?? .name("none") }
  public init?(attributeValue: AttributeValue) {
    if case .name("none") = attributeValue {
      self = .none
    } else if let wrapped = Wrapped(attributeValue: attributeValue) {
      self = .some(wrapped)
    } else {
      return nil
    }
  }
  public func bound(_ bindings: [String: Int]) -> Wrapped? { map { $0.bound(bindings) } }
  public var symbols: [String] { self?.symbols ?? [] }
}

/// An attribute with a few named choices.
public protocol AttributeChoice: AttributeConvertible, RawRepresentable, CaseIterable where RawValue == String {}

extension AttributeChoice {
  public static var attributeKind: String { allCases.map(\.rawValue).joined(separator: ", ") }
  public static var mayHoldReals: Bool { false }
  public var attributeValue: AttributeValue { .name(rawValue) }
  public init?(attributeValue: AttributeValue) {
    guard case .name(let name) = attributeValue else { return nil }
    self.init(rawValue: name)
  }
}

extension DType: AttributeChoice {}

extension Dim: AttributeConvertible {
  public static var attributeKind: String { "a size or a symbol" }
  public static var mayHoldReals: Bool { false }
  public var attributeValue: AttributeValue {
    switch self {
    case .number(let n): .int(Int128(n))
    case .symbol(let s): .name(s)
    }
  }
  public init?(attributeValue: AttributeValue) {
    switch attributeValue {
    case .int(let n) where n >= 0 && n <= Limits.magnitude: self = .number(Int(n))
    case .name(let s) where Identifier.isValid(s): self = .symbol(s)
    case .int, .name, .float, .bool, .string, .list, .call, .tensor: return nil
    }
  }
  public var symbols: [String] { symbol.map { [$0] } ?? [] }
}

extension Shape: AttributeConvertible {
  public static var attributeKind: String { "a shape like [batch, 10]" }
  public static var mayHoldReals: Bool { false }
  public var attributeValue: AttributeValue { .list(dims.map(\.attributeValue)) }
  public init?(attributeValue: AttributeValue) {
    guard let dims = [Dim](attributeValue: attributeValue) else { return nil }
    self.init(dims)
  }
}
