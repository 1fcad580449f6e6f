import ApusCore
import ApusGraph

/// The Gaussian error linear unit of Hendrycks and Gimpel 2016.
public struct Gelu: ActivationOperator {
  /// Whether the normal distribution function is approximated by a hyperbolic tangent.
  public var approximate = false
  public init() {}

  public static let record = activation(
    "gelu", "x Φ(x) = x/2 (1 + erf(x/√2)); approximately x/2 (1 + tanh(√(2/π) (x + 0.044715 x³)))",
    attributes: [attribute("approximate", \.approximate, "whether to use the tanh form")])

  private static let inverseSqrt2 = 0.707_106_781_186_547_52
  private static let inverseSqrt2Pi = 0.398_942_280_401_432_68
  private static let sqrt2OverPi = 0.797_884_560_802_865_36
  private static let cubic = 0.044_715

  /// Φ(x), exact or approximate.
  private func distribution(_ x: Value) throws -> Value {
    try approximate
      ? (argument(x).tanh() + 1) * 0.5
      : ((x * Gelu.inverseSqrt2).erf() + 1) * 0.5
  }

  private func argument(_ x: Value) throws -> Value {
    try x * (x * x * (Gelu.cubic * Gelu.sqrt2OverPi) + Gelu.sqrt2OverPi)
  }

  // Φ is 0 long before the bound, which keeps −∞ · 0 away. It is 0 or 1 beyond ±40, too: clipped as in the cotangent, so
  // that a training step computes it once.
  public func value(_ x: Value) throws -> Value { try x.maximum(-1000) * distribution(x.clipped(to: 40)) }

  // ∂y/∂x = Φ(x) + x φ(x) with the density φ = e^(−x²/2)/√(2π); approximately, with t = tanh u,
  // (1 + t)/2 + x/2 (1 − t²) ∂u/∂x and ∂u/∂x = √(2/π) (1 + 3 · 0.044715 x²)
  public func cotangent(_ x: Value, _ y: Value, _ g: Value) throws -> Value {
    let x = try x.clipped(to: 40)
    let slope: Value
    if approximate {
      let t = try argument(x).tanh()
      slope = try (1 - t * t) * (x * x * (3 * Gelu.cubic * Gelu.sqrt2OverPi) + Gelu.sqrt2OverPi) * 0.5
    } else {
      slope = try (x * x * -0.5).exp() * Gelu.inverseSqrt2Pi
    }
    return try g * (distribution(x) + x * slope)
  }
}

/// x · sigmoid(x), also called swish.
public struct Silu: ActivationOperator {
  public init() {}
  public static let record = activation("silu", "x / (1 + e⁻ˣ)")
  // The sigmoid is 0 before the bound, which keeps −∞ · 0 away.
  public func value(_ x: Value) throws -> Value { try x.maximum(-1000) * x.sigmoid() }
  // ∂y/∂x = σ (1 + x (1 − σ))
  public func cotangent(_ x: Value, _ y: Value, _ g: Value) throws -> Value {
    let s = try x.sigmoid()
    return try g * (s * (1 + x.clipped(to: 1000) * (1 - s)))
  }
}

/// ln(1 + eˣ), written so that nothing overflows.
public struct Softplus: ActivationOperator {
  public init() {}
  public static let record = activation("softplus", "ln(1 + eˣ)")
  public func value(_ x: Value) throws -> Value { try (-x.abs()).exp().log1p() + x.maximum(0) }
  // ∂y/∂x = σ(x)
  public func cotangent(_ x: Value, _ y: Value, _ g: Value) throws -> Value { try g * x.sigmoid() }
}

/// x / (1 + |x|)
public struct Softsign: ActivationOperator {
  public init() {}
  public static let record = activation("softsign", "x / (1 + |x|)")
  // Beyond the bound the quotient is ±1: ∞ / ∞ is kept away.
  public func value(_ x: Value) throws -> Value {
    let x = try x.clipped(to: x.dtype == .f16 ? 65504 : 1e30)
    return try x / (x.abs() + 1)
  }
  // ∂y/∂x = 1 / (1 + |x|)²
  public func cotangent(_ x: Value, _ y: Value, _ g: Value) throws -> Value {
    try g * (x.abs() + 1).reciprocal().square()
  }
}

/// A piecewise linear sigmoid.
public struct HardSigmoid: ActivationOperator {
  public init() {}
  public static let record = activation("hard_sigmoid", "min(max(x/6 + 1/2, 0), 1)")
  public func value(_ x: Value) throws -> Value { try (x / 6 + 0.5).maximum(0).minimum(1) }
  // ∂y/∂x = 1/6 if 0 < y < 1, else 0
  public func cotangent(_ x: Value, _ y: Value, _ g: Value) throws -> Value {
    try y.greater(0).and(y.less(1)).select(g / 6, g.scalar(0))
  }
}

extension Value {
  /// x Φ(x) with the normal distribution function Φ, elementwise.
  public func gelu(approximate: Bool = false) throws -> Value {
    var op = Gelu()
    op.approximate = approximate
    return try apply(op)
  }
  /// x · sigmoid(x), elementwise.
  public func silu() throws -> Value { try apply(Silu()) }
  /// ln(1 + eˣ), elementwise.
  public func softplus() throws -> Value { try apply(Softplus()) }
  /// x / (1 + |x|), elementwise.
  public func softsign() throws -> Value { try apply(Softsign()) }
  /// min(max(x/6 + 1/2, 0), 1), elementwise.
  public func hardSigmoid() throws -> Value { try apply(HardSigmoid()) }
}
