import ApusGraph
import ApusOperators

/// Gradient descent, with momentum (Polyak 1964) and Nesterov's look-ahead (Sutskever et al. 2013).
public struct SGD: Optimizer {
  public static let name = "sgd"
  public var options: OptimizerOptions
  public var momentum: Double
  public var nesterov: Bool

  public init(options: OptimizerOptions = .init(learningRate: 0.01), momentum: Double = 0, nesterov: Bool = false) {
    self.options = options
    self.momentum = momentum
    self.nesterov = nesterov
  }

  public var settings: [(name: String, value: String)] {
    [("momentum", "\(momentum)"), ("nesterov", "\(nesterov)")]
  }

  public func update(_ w: Value, _ g: Value, rate: Value, step: Value, _ state: OptimizerState) throws -> Value {
    // w ← w − η g
    guard momentum != 0 else { return try w - g * rate }
    // m ← μ m − η g
    let old = try state.zeros("momentum")
    let m = try state.advance(old, to: old * momentum - g * rate)
    // w ← w + m, or with look-ahead w ← w + μ m − η g
    return nesterov ? try w + (m * momentum - g * rate) : try w + m
  }
}

extension Optimizer where Self == SGD {
  public static func sgd(learningRate: Double = 0.01, momentum: Double = 0, nesterov: Bool = false) -> SGD {
    SGD(options: .init(learningRate: learningRate), momentum: momentum, nesterov: nesterov)
  }
}
