import ApusGraph
import ApusOperators

/// Adaptive moments. Kingma and Ba 2015; the variant that never raises its step: Reddi et al. 2018.
public struct Adam: Optimizer {
  public static let name = "adam"
  public var options: OptimizerOptions
  public var beta1: Double
  public var beta2: Double
  public var epsilon: Double
  public var amsgrad: Bool

  public init(
    options: OptimizerOptions = .init(learningRate: 0.001), beta1: Double = 0.9, beta2: Double = 0.999,
    epsilon: Double = 1e-7, amsgrad: Bool = false
  ) {
    self.options = options
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.amsgrad = amsgrad
  }

  public var settings: [(name: String, value: String)] {
    [("beta_1", "\(beta1)"), ("beta_2", "\(beta2)"), ("epsilon", "\(epsilon)"), ("amsgrad", "\(amsgrad)")]
  }

  public func update(_ w: Value, _ g: Value, rate: Value, step: Value, _ state: OptimizerState) throws -> Value {
    // α = η √(1 − β₂ᵗ) / (1 − β₁ᵗ)
    let b1 = try step.scalar(beta1).power(step)
    let b2 = try step.scalar(beta2).power(step)
    let alpha = try rate * (1 - b2).sqrt() / (1 - b1)
    // m ← m + (1 − β₁)(g − m), v ← v + (1 − β₂)(g² − v)
    let oldM = try state.zeros("momentum")
    let m = try state.advance(oldM, to: oldM + (g - oldM) * (1 - beta1))
    let oldV = try state.zeros("velocity")
    var v = try state.advance(oldV, to: oldV + (g * g - oldV) * (1 - beta2))
    if amsgrad {
      let old = try state.zeros("velocity_hat")
      v = try state.advance(old, to: old.maximum(v))
    }
    // w ← w − α m / (√v + ε)
    return try w - m * alpha / (v.sqrt() + epsilon)
  }
}

extension Optimizer where Self == Adam {
  public static func adam(
    learningRate: Double = 0.001, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-7,
    amsgrad: Bool = false
  ) -> Adam {
    Adam(options: .init(learningRate: learningRate), beta1: beta1, beta2: beta2, epsilon: epsilon, amsgrad: amsgrad)
  }
}
