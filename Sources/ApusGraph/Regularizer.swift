import ApusCore

/// What a variable adds to the loss that a training step makes small, and that logs show. Defaults are Keras's.
public enum Regularizer: Sendable {
  /// l1 · Σ |w| + l2 · Σ w².
  case l1l2(l1: Double, l2: Double)
  /// factor · mean |cos| of the angles between the rows of a matrix, or its columns: they become orthogonal.
  case orthogonality(factor: Double, of: MatrixVectors)

  /// Which vectors of a matrix are meant.
  public enum MatrixVectors: String, Sendable { case rows, columns }

  /// factor · Σ |w|.
  public static func l1(_ factor: Double = 0.01) -> Regularizer { .l1l2(l1: factor, l2: 0) }
  /// factor · Σ w².
  public static func l2(_ factor: Double = 0.01) -> Regularizer { .l1l2(l1: 0, l2: factor) }
  /// l1 · Σ |w| + l2 · Σ w².
  public static func l1l2(_ l1: Double, _ l2: Double) -> Regularizer { .l1l2(l1: l1, l2: l2) }
  /// factor · mean |cos| of the angles between the rows of a matrix, or its columns.
  public static func orthogonal(_ factor: Double = 0.01, mode: MatrixVectors = .rows) -> Regularizer {
    .orthogonality(factor: factor, of: mode)
  }
}

/// What a variable is brought back to after each step of an optimizer. Defaults are Keras's.
public enum Constraint: Sendable {
  /// Vectors along an axis are scaled down to at most this length.
  case maxNorm(_ limit: Double = 2, axis: Int = 0)
  /// Vectors along an axis have length 1.
  case unitNorm(axis: Int = 0)
  /// Negative elements become 0.
  case nonNegative
  /// Lengths of vectors along an axis are drawn into a range, by a share of the way in each step.
  case minMaxNorm(_ least: Double = 0, _ most: Double = 1, rate: Double = 1, axis: Int = 0)
}

extension Regularizer {
  /// What is wrong with its numbers for a variable of this type; nil if nothing is.
  package func fault(_ type: TensorType) -> String? {
    guard type.dtype.isFloating else { return "a regularizer needs floating-point numbers, not \(type.dtype)" }
    switch self {
    case .l1l2(let l1, let l2) where !(l1 >= 0 && l1.isFinite && l2 >= 0 && l2.isFinite):
      return "the factors of a regularizer must be at least 0, not \(l1) and \(l2)"
    case .orthogonality(let factor, _) where !(factor >= 0 && factor.isFinite):
      return "the factor of a regularizer must be at least 0, not \(factor)"
    case .orthogonality where type.rank != 2 || type.shape.elementCount == nil:
      return "the regularizer orthogonal needs a matrix of known size, not \(type)"
    default: return nil
    }
  }
}

extension Constraint {
  /// What is wrong with its numbers for a variable of this type; nil if nothing is.
  func fault(_ type: TensorType) -> String? {
    guard type.dtype.isFloating else { return "a constraint needs floating-point numbers, not \(type.dtype)" }
    func outside(_ axis: Int) -> String? {
      -type.rank..<type.rank ~= axis ? nil : "the axis \(axis) of a constraint is none of \(type)"
    }
    switch self {
    case .maxNorm(let limit, let axis):
      return limit > 0 && limit.isFinite ? outside(axis) : "'limit' must be above 0, not \(limit)"
    case .unitNorm(let axis): return outside(axis)
    case .nonNegative: return nil
    case .minMaxNorm(let least, let most, let rate, let axis):
      guard least >= 0, least <= most, most.isFinite else {
        return "'least' must be at least 0 and at most 'most': \(least) and \(most)"
      }
      return 0...1 ~= rate ? outside(axis) : "'rate' must be between 0 and 1, not \(rate)"
    }
  }
}

extension Regularizer.MatrixVectors: AttributeConvertible {
  public static var attributeKind: String { "rows or columns" }
  public static var mayHoldReals: Bool { false }
  public var attributeValue: AttributeValue { .name(rawValue) }
  public init?(attributeValue: AttributeValue) {
    guard case .name(let word) = attributeValue else { return nil }
    self.init(rawValue: word)
  }
}

/// Two are equal if their texts are: see `AttributeValue`.
extension Regularizer: AttributeConvertible {
  public static func == (a: Regularizer, b: Regularizer) -> Bool { a.attributeValue == b.attributeValue }
  public func hash(into hasher: inout Hasher) { hasher.combine(attributeValue) }
  public static var mayHoldReals: Bool { false }
  public static var attributeKind: String { "a regularizer: l1, l2, l1_l2, orthogonal" }

  public var attributeValue: AttributeValue {
    switch self {
    case .l1l2(let l1, 0) where l1 != 0: CallArguments.call("l1", ("factor", l1))
    case .l1l2(0, let l2): CallArguments.call("l2", ("factor", l2))
    case .l1l2(let l1, let l2): CallArguments.call("l1_l2", ("l1", l1), ("l2", l2))
    case .orthogonality(let factor, .rows): CallArguments.call("orthogonal", ("factor", factor))
    case .orthogonality(let factor, .columns):
      CallArguments.call("orthogonal", ("factor", factor), ("mode", MatrixVectors.columns))
    }
  }

  public init?(attributeValue: AttributeValue) {
    guard var call = CallArguments(attributeValue) else { return nil }
    switch call.name {
    case "l1": self = .l1(call.take("factor", 0.01))
    case "l2": self = .l2(call.take("factor", 0.01))
    case "l1_l2": self = .l1l2(call.take("l1", 0.0), call.take("l2", 0.0))
    case "orthogonal": self = .orthogonal(call.take("factor", 0.01), mode: call.take("mode", .rows))
    default: return nil
    }
    guard call.isUsedUp else { return nil }
  }
}

/// Two are equal if their texts are: see `AttributeValue`.
extension Constraint: AttributeConvertible {
  public static func == (a: Constraint, b: Constraint) -> Bool { a.attributeValue == b.attributeValue }
  public func hash(into hasher: inout Hasher) { hasher.combine(attributeValue) }
  public static var mayHoldReals: Bool { false }
  public static var attributeKind: String { "a constraint: max_norm, unit_norm, non_neg, min_max_norm" }

  public var attributeValue: AttributeValue {
    switch self {
    case .maxNorm(let limit, let axis): CallArguments.call("max_norm", ("limit", limit), ("axis", axis))
    case .unitNorm(let axis): CallArguments.call("unit_norm", ("axis", axis))
    case .nonNegative: .name("non_neg")
    case .minMaxNorm(let least, let most, let rate, let axis):
      CallArguments.call("min_max_norm", ("least", least), ("most", most), ("rate", rate), ("axis", axis))
    }
  }

  public init?(attributeValue: AttributeValue) {
    guard var call = CallArguments(attributeValue) else { return nil }
    switch call.name {
    case "max_norm": self = .maxNorm(call.take("limit", 2.0), axis: call.take("axis", 0))
    case "unit_norm": self = .unitNorm(axis: call.take("axis", 0))
    case "non_neg": self = .nonNegative
    case "min_max_norm":
      self = .minMaxNorm(
        call.take("least", 0.0), call.take("most", 1.0), rate: call.take("rate", 1.0), axis: call.take("axis", 0))
    default: return nil
    }
    guard call.isUsedUp else { return nil }
  }
}
