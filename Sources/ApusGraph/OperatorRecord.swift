import ApusCore

/// The declaration of an operator: all that printing, parsing, checking, help and documentation need.
public struct OperatorRecord: Sendable {
  public let name: String
  public let family: OperatorFamily
  /// One line, usually the formula.
  public let summary: String
  public let operands: [OperandRecord]
  public let attributes: [AttributeRecord]
  /// Names of the regions, in order.
  public let regions: [String]
  /// Names of the results; empty if their number depends on operands or regions.
  public let results: [String]
  public let traits: OperatorTraits
  /// How far from exact numbers floating-point results may be, if that is more than a rounding of each element; else
  /// empty.
  public private(set) var accuracy = ""

  public init(
    _ name: String, _ family: OperatorFamily, _ summary: String, operands: [OperandRecord] = [],
    attributes: [AttributeRecord] = [], regions: [String] = [], results: [String] = ["y"],
    traits: OperatorTraits = []
  ) {
    self.name = name
    self.family = family
    self.summary = summary
    self.operands = operands
    self.attributes = attributes
    self.regions = regions
    self.results = results
    self.traits = traits
  }

  /// The record with a statement of accuracy.
  public func accurate(_ accuracy: String) -> OperatorRecord {
    var record = self
    record.accuracy = accuracy
    return record
  }

  /// Checks number and element types of operands.
  /// - Throws: `TypeError`
  func check(_ types: [TensorType], regionCount: Int) throws {
    let least = operands.count { $0.repetition == .once }
    let most = operands.allSatisfy { $0.repetition != .any } ? operands.count : Int.max
    guard types.count >= least, types.count <= most else {
      let expected = most == .max ? "at least \(least)" : least == most ? "\(least)" : "\(least) to \(most)"
      throw TypeError(
        "\(name) takes \(expected) operand\(expected == "1" ? "" : "s"), not \(types.count)", help: "usage: \(usage)")
    }
    guard regionCount == regions.count else {
      throw TypeError("\(name) takes \(regions.count) regions, not \(regionCount)", help: "usage: \(usage)")
    }
    for (position, type) in types.enumerated() {
      let operand = operands[min(position, operands.count - 1)]
      guard operand.dtypes.contains(type.dtype) else {
        throw TypeError(
          "operand '\(operand.name)' of \(name) must be \(operand.dtypes), not \(type.dtype)", operand: position)
      }
    }
  }

  /// `matmul(%a, %b, transpose_a: false, transpose_b: false)`
  public var usage: String {
    let values = operands.map { operand in
      switch operand.repetition {
      case .once: "%\(operand.name)"
      case .optional: "[%\(operand.name)]"
      case .any: "%\(operand.name)…"
      }
    }
    let settings = attributes.map { $0.isRequired ? "\($0.name): \($0.kind)" : "\($0.name): \($0.defaultText)" }
    let bodies = regions.map { " { \($0) }" }.joined()
    return "\(name)(\((values + settings).joined(separator: ", ")))\(bodies)"
  }
}

/// Groups operators in help and documentation.
public enum OperatorFamily: String, Sendable, CaseIterable {
  case declaration, elementwise, comparison, reduction, shape, contraction, convolution, window, indexing, random
  case control, activation, normalization, loss, statistics
}

/// One operand, or a group of them.
public struct OperandRecord: Sendable {
  public enum Repetition: Sendable { case once, optional, any }

  public let name: String
  public let dtypes: DTypeSet
  public let repetition: Repetition
  public let summary: String

  public init(_ name: String, _ dtypes: DTypeSet, _ summary: String = "", repetition: Repetition = .once) {
    self.name = name
    self.dtypes = dtypes
    self.repetition = repetition
    self.summary = summary
  }
}

/// The element types that an operand may have.
public struct DTypeSet: OptionSet, Sendable, CustomStringConvertible {
  public let rawValue: Int
  public init(rawValue: Int) { self.rawValue = rawValue }

  public init(_ types: some Sequence<DType>) {
    rawValue = types.reduce(0) { $0 | DTypeSet.bit($1) }
  }

  private static func bit(_ dtype: DType) -> Int { 1 << (DType.allCases.firstIndex(of: dtype) ?? 0) }

  public func contains(_ dtype: DType) -> Bool { rawValue & DTypeSet.bit(dtype) != 0 }

  /// Every type: for operators that only move elements.
  public static let any = DTypeSet(DType.allCases)
  /// The types that arithmetic on reals is done in. The 16-bit floats are for storage: cast to compute.
  public static let floating = DTypeSet([.f32, .f64])
  /// The types that arithmetic is done in.
  public static let numeric = DTypeSet([.f32, .f64, .i8, .u8, .i32, .i64])
  public static let integer = DTypeSet([.i8, .u8, .i32, .i64])
  /// The types that count and index.
  public static let index = DTypeSet([.u8, .i32, .i64])
  public static let boolean = DTypeSet([.bool])
  /// All that can be compared for order or equality.
  public static let comparable = DTypeSet([.f32, .f64, .i8, .u8, .i32, .i64, .bool])

  public var description: String {
    let names = DType.allCases.filter(contains).map(\.rawValue)
    return names.count < 2 ? names.joined() : names.dropLast().joined(separator: ", ") + " or " + (names.last ?? "")
  }
}

/// Answers to the questions that passes ask.
public struct OperatorTraits: OptionSet, Sendable {
  public let rawValue: Int
  public init(rawValue: Int) { self.rawValue = rawValue }

  /// Each element of the result depends on the elements at the same (broadcast) place of the operands only.
  public static let elementwise = OperatorTraits(rawValue: 1 << 0)
  /// a ∘ b = b ∘ a, bit for bit.
  public static let commutative = OperatorTraits(rawValue: 1 << 1)
  /// f(f(x)) = x
  public static let involution = OperatorTraits(rawValue: 1 << 2)
  /// f(f(x)) = f(x)
  public static let idempotent = OperatorTraits(rawValue: 1 << 3)
  /// Elements are moved or repeated, never computed with.
  public static let movesData = OperatorTraits(rawValue: 1 << 4)
  /// Folds one or more axes.
  public static let reduction = OperatorTraits(rawValue: 1 << 5)
  /// Matrix product or convolution: worth an epilogue.
  public static let contraction = OperatorTraits(rawValue: 1 << 6)
  /// Names a value instead of computing one: parameter, variable, constant.
  public static let declaration = OperatorTraits(rawValue: 1 << 7)
  /// Draws random numbers: a pure function of its counter, but never folded.
  public static let random = OperatorTraits(rawValue: 1 << 8)
  /// Decides at run time what its regions do: scan, if, while.
  public static let controlFlow = OperatorTraits(rawValue: 1 << 9)
  /// Repeats elements along axes, aligned at the last as elementwise operators do implicitly.
  public static let broadcasts = OperatorTraits(rawValue: 1 << 10)

  /// Every trait with its name, in the order of documentation.
  public static let named: [(trait: OperatorTraits, name: String)] = [
    (.elementwise, "elementwise"), (.commutative, "commutative"), (.involution, "involution"),
    (.idempotent, "idempotent"), (.movesData, "moves data"), (.reduction, "reduction"),
    (.contraction, "contraction"), (.declaration, "declaration"), (.random, "random"),
    (.controlFlow, "control flow"), (.broadcasts, "broadcasts"),
  ]
}
