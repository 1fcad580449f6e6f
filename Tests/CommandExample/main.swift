// A program as a package of a user makes one: `apus` with an operator, an optimizer and passes of its own. CommandTests runs it.
import Apus
import ApusCommand

/// Steps by the sign of a running mean of the gradients. Bernstein et al. 2018.
struct Signum: Optimizer {
  var options = OptimizerOptions(learningRate: 0.001)
  var beta = 0.9

  static let record = ComponentRecord(
    "signum", "steps by the sign of a running mean of the gradients",
    settings: commonSettings + [setting("beta", \.beta, in: .decay, "the share of the mean that stays in each step")])

  func update(_ w: Value, _ g: Value, rate: Value, step: Value, _ state: OptimizerState) throws -> Value {
    // m ← β m + (1 − β) g
    let old = try state.zeros("mean")
    let mean = try state.advance(old, to: old * beta + g * (1 - beta))
    // w ← w − η sign m
    return try w - mean.sign() * rate
  }
}

ApusCommandLine.main(passes: [FindSquaredRelu.self, JoinSigns.self, CarelessSigns.self]) {
  try OperatorRegistry.register(SquaredRelu.self)
  try OptimizerRegistry.register(Signum.self)
  // A test asks for a registration that is refused.
  if CommandLine.arguments.contains("refused") { try OptimizerRegistry.register(Signum.self) }
}
