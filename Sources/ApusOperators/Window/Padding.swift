import ApusCore
import ApusGraph

/// What surrounds the spatial axes of a convolution or pooling.
public enum Padding: Hashable, Sendable {
  /// Nothing: every window is inside the input.
  case valid
  /// As much as makes ⌈size / stride⌉ windows fit, an odd element at the end, as TensorFlow does.
  case same
  /// So many elements before and after each spatial axis: `[[1, 1], [0, 2]]`.
  case explicit([[Int]])
}

extension Padding: AttributeConvertible {
  public static var attributeKind: String { "valid, same, or [low, high] for each spatial axis like [[1, 1], [0, 2]]" }

  public var attributeValue: AttributeValue {
    switch self {
    case .valid: .name("valid")
    case .same: .name("same")
    case .explicit(let amounts): amounts.attributeValue
    }
  }

  public init?(attributeValue: AttributeValue) {
    switch attributeValue {
    case .name("valid"): self = .valid
    case .name("same"): self = .same
    case .list:
      guard let amounts = [[Int]](attributeValue: attributeValue) else { return nil }
      self = .explicit(amounts)
    case .name, .int, .float, .bool, .string, .call, .tensor: return nil
    }
  }
}
