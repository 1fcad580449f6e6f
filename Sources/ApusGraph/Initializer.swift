import ApusCore

/// How a variable gets its first value. Formulas and defaults are Keras's.
public enum Initializer: Hashable, Sendable {
  case zeros
  case ones
  case constant(ExactNumber)
  /// Uniform in [low, high).
  case uniform(low: Double, high: Double)
  case normal(mean: Double, deviation: Double)
  /// Normal, redrawn beyond two standard deviations.
  case truncatedNormal(mean: Double, deviation: Double)
  /// Uniform with limit √(6 / (fan in + fan out)). Glorot and Bengio 2010.
  case glorotUniform
  /// Truncated normal with variance 2 / (fan in + fan out).
  case glorotNormal
  /// Uniform with limit √(6 / fan in). He et al. 2015.
  case heUniform
  case heNormal
  case lecunUniform
  case lecunNormal
  /// A random matrix with orthonormal rows or columns: QR of a normal matrix, signs fixed. Saxe et al. 2013.
  case orthogonal(gain: Double)
  /// `gain` on the diagonal of a square or rectangular matrix.
  case identity(gain: Double)
  /// Zeros but for ones in the second quarter: the bias of an LSTM, whose forget gates begin open.
  case forgetGateOnes
}

extension Initializer {
  /// What is wrong with its numbers; nil if nothing is.
  var fault: String? {
    switch self {
    case .normal(_, let deviation) where !(deviation >= 0), .truncatedNormal(_, let deviation) where !(deviation >= 0):
      "'deviation' must be at least 0, not \(deviation)"
    case .uniform(let low, let high) where !(low <= high):
      "'low' must not be above 'high': \(low) and \(high)"
    default: nil
    }
  }
}

/// Two are equal if their texts are: see `AttributeValue`.
extension Initializer: AttributeConvertible {
  public static func == (a: Initializer, b: Initializer) -> Bool { a.attributeValue == b.attributeValue }
  public func hash(into hasher: inout Hasher) { hasher.combine(attributeValue) }
  public static var mayHoldReals: Bool { false }

  public static var attributeKind: String {
    "an initializer: " + names.joined(separator: ", ")
  }

  /// The spellings, for messages and suggestions.
  public static let names = [
    "zeros", "ones", "fill", "uniform", "normal", "truncated_normal", "glorot_uniform", "glorot_normal",
    "he_uniform", "he_normal", "lecun_uniform", "lecun_normal", "orthogonal", "identity", "forget_gate_ones",
  ]

  public var attributeValue: AttributeValue {
    switch self {
    case .zeros: .name("zeros")
    case .ones: .name("ones")
    case .constant(let value): CallArguments.call("fill", ("value", value))
    case .uniform(let low, let high): CallArguments.call("uniform", ("low", low), ("high", high))
    case .normal(let mean, let deviation): CallArguments.call("normal", ("mean", mean), ("deviation", deviation))
    case .truncatedNormal(let mean, let deviation):
      CallArguments.call("truncated_normal", ("mean", mean), ("deviation", deviation))
    case .glorotUniform: .name("glorot_uniform")
    case .glorotNormal: .name("glorot_normal")
    case .heUniform: .name("he_uniform")
    case .heNormal: .name("he_normal")
    case .lecunUniform: .name("lecun_uniform")
    case .lecunNormal: .name("lecun_normal")
    case .orthogonal(let gain): gain == 1 ? .name("orthogonal") : CallArguments.call("orthogonal", ("gain", gain))
    case .identity(let gain): gain == 1 ? .name("identity") : CallArguments.call("identity", ("gain", gain))
    case .forgetGateOnes: .name("forget_gate_ones")
    }
  }

  public init?(attributeValue: AttributeValue) {
    guard var call = CallArguments(attributeValue) else { return nil }
    func take(_ label: String, _ standard: Double) -> Double { call.take(label, standard) }
    switch call.name {
    case "zeros": self = .zeros
    case "ones": self = .ones
    case "fill": self = .constant(call.take("value", ExactNumber(0)))
    case "uniform": self = .uniform(low: take("low", -0.05), high: take("high", 0.05))
    case "normal": self = .normal(mean: take("mean", 0), deviation: take("deviation", 0.05))
    case "truncated_normal": self = .truncatedNormal(mean: take("mean", 0), deviation: take("deviation", 0.05))
    case "glorot_uniform": self = .glorotUniform
    case "glorot_normal": self = .glorotNormal
    case "he_uniform": self = .heUniform
    case "he_normal": self = .heNormal
    case "lecun_uniform": self = .lecunUniform
    case "lecun_normal": self = .lecunNormal
    case "orthogonal": self = .orthogonal(gain: take("gain", 1))
    case "identity": self = .identity(gain: take("gain", 1))
    case "forget_gate_ones": self = .forgetGateOnes
    default: return nil
    }
    guard call.isUsedUp else { return nil }
  }
}
