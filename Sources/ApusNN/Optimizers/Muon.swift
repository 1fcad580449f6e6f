import ApusGraph
import ApusOperators

/// Momentum of matrices made orthogonal before the step, Adam for all other variables. Jordan et al. 2024; scaled as by Liu et
/// al. 2025.
public struct Muon: Optimizer {
  public var options = OptimizerOptions(learningRate: 0.001, weightDecay: 0.004)
  public var momentum = 0.95
  public var nesterov = true
  public var steps = 5
  public var rmsRate: Double? = 0.2
  public var excludeEmbeddings = true
  public var adamBeta1 = 0.9
  public var adamBeta2 = 0.999
  public var adamWeightDecay: Double? = 0.004
  public var adamRateRatio = 1.0
  public var epsilon = 1e-7

  public init() {}

  public init(
    options: OptimizerOptions = Muon().options, momentum: Double = Muon().momentum, nesterov: Bool = Muon().nesterov,
    steps: Int = Muon().steps, rmsRate: Double? = Muon().rmsRate, excludeEmbeddings: Bool = Muon().excludeEmbeddings,
    adamBeta1: Double = Muon().adamBeta1, adamBeta2: Double = Muon().adamBeta2,
    adamWeightDecay: Double? = Muon().adamWeightDecay, adamRateRatio: Double = Muon().adamRateRatio,
    epsilon: Double = Muon().epsilon
  ) {
    self.options = options
    self.momentum = momentum
    self.nesterov = nesterov
    self.steps = steps
    self.rmsRate = rmsRate
    self.excludeEmbeddings = excludeEmbeddings
    self.adamBeta1 = adamBeta1
    self.adamBeta2 = adamBeta2
    self.adamWeightDecay = adamWeightDecay
    self.adamRateRatio = adamRateRatio
    self.epsilon = epsilon
  }

  public static let record = ComponentRecord(
    "muon", "momentum of matrices made orthogonal, Adam for all other variables",
    settings: commonSettings + [
      setting("momentum", \.momentum, in: .share, "the share of the momentum of a matrix that stays in each step"),
      setting("nesterov", \.nesterov, "whether the gradient is applied ahead of the momentum"),
      setting("ns_steps", \.steps, in: .nonNegative, "how many iterations make a matrix orthogonal"),
      setting(
        "rms_rate", \.rmsRate, in: .positive, "the root mean square of a step over the rate; none leaves steps unscaled"
      ),
      setting(
        "exclude_embeddings", \.excludeEmbeddings, "whether variables with embedding in their names are left to Adam"),
      setting("adam_beta_1", \.adamBeta1, in: .decay, "beta_1 of Adam"),
      setting("adam_beta_2", \.adamBeta2, in: .decay, "beta_2 of Adam"),
      setting(
        "adam_weight_decay", \.adamWeightDecay, in: .nonNegative, "the weight decay of the variables left to Adam"),
      setting("adam_lr_ratio", \.adamRateRatio, in: .nonNegative, "the rate of Adam over the rate"),
      setting("epsilon", \.epsilon, in: .nonNegative, "added to the root of the mean square"),
    ])

  private func isForAdam(_ variable: Value, _ name: String) -> Bool {
    variable.rank != 2 || excludeEmbeddings && name.lowercased().contains("embedding")
  }

  public func weightDecay(of variable: Value, named name: String) -> Double? {
    isForAdam(variable, name) ? adamWeightDecay : options.weightDecay
  }

  public func update(_ w: Value, _ g: Value, rate: Value, step: Value, _ state: OptimizerState) throws -> Value {
    guard !isForAdam(w, state.name) else {
      return try Adam(beta1: adamBeta1, beta2: adamBeta2, epsilon: epsilon)
        .update(w, g, rate: rate * adamRateRatio, step: step, state)
    }
    // m ← μ m + g
    let old = try state.zeros("momentum")
    let m = try state.advance(old, to: old * momentum + g)
    let direction = try Self.orthogonal(nesterov ? g + m * momentum : m, steps: steps)
    guard let rmsRate, let rows = w.shape[0].number, let columns = w.shape[1].number else {
      return try w - direction * rate
    }
    return try w - direction * (rate * (Double(max(rows, columns)).squareRoot() * rmsRate))
  }

  /// The nearest orthogonal matrix, roughly: x ← a x + (b x xᵀ + c (x xᵀ)²) x, whose coefficients are those that grow small
  /// singular values fastest.
  private static func orthogonal(_ x: Value, steps: Int) throws -> Value {
    let (a, b, c) = (3.4445, -4.7750, 2.0315)
    let isTall = (x.shape[0].number ?? 0) > (x.shape[1].number ?? 0)
    var x = try isTall ? x.transposed([1, 0]) : x
    // The largest singular value is at most 1 then.
    x = try x / (x.square().sum().sqrt() + 1e-7)
    for _ in 0..<steps {
      let square = try x.matmul(x, transposeB: true)
      x = try x * a + (square * b + (square * c).matmul(square)).matmul(x)
    }
    return try isTall ? x.transposed([1, 0]) : x
  }
}

extension Optimizer where Self == Muon {
  /// Momentum of matrices made orthogonal, Adam for all other variables. The other options are those of `OptimizerOptions`.
  public static func muon(
    learningRate: LearningRate = Muon().options.learningRate, momentum: Double = Muon().momentum,
    nesterov: Bool = Muon().nesterov, steps: Int = Muon().steps, rmsRate: Double? = Muon().rmsRate,
    excludeEmbeddings: Bool = Muon().excludeEmbeddings, adamBeta1: Double = Muon().adamBeta1,
    adamBeta2: Double = Muon().adamBeta2, adamWeightDecay: Double? = Muon().adamWeightDecay,
    adamRateRatio: Double = Muon().adamRateRatio, epsilon: Double = Muon().epsilon,
    weightDecay: Double? = Muon().options.weightDecay, clipNorm: Double? = nil, clipValue: Double? = nil,
    globalClipNorm: Double? = nil, useEMA: Bool = false, emaMomentum: Double = 0.99, emaOverwriteFrequency: Int? = nil,
    gradientAccumulationSteps: Int? = nil
  ) -> Muon {
    Muon(
      options: OptimizerOptions(
        learningRate: learningRate, weightDecay: weightDecay, clipNorm: clipNorm, clipValue: clipValue,
        globalClipNorm: globalClipNorm, useEMA: useEMA, emaMomentum: emaMomentum,
        emaOverwriteFrequency: emaOverwriteFrequency, gradientAccumulationSteps: gradientAccumulationSteps),
      momentum: momentum, nesterov: nesterov, steps: steps, rmsRate: rmsRate, excludeEmbeddings: excludeEmbeddings,
      adamBeta1: adamBeta1, adamBeta2: adamBeta2, adamWeightDecay: adamWeightDecay, adamRateRatio: adamRateRatio,
      epsilon: epsilon)
  }
}
