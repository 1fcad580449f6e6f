// A program as a package of a user makes one: `apus` with an operator and an optimizer of its own. CommandTests runs it.
import Apus
import ApusCommand
import ApusGraph

/// max(x, 0)²
struct SquaredRelu: CompositeOperator {
  static let record = OperatorRecord(
    "squared_relu", .activation, "max(x, 0)²", operands: [OperandRecord("x", .floating)])

  func expand(_ operands: [Value], _ builder: GraphBuilder) throws -> [Value] { [try operands[0].relu().square()] }
}

/// Steps by the sign of the gradient.
struct SignDescent: Optimizer {
  var options = OptimizerOptions(learningRate: 0.001)

  static let record = ComponentRecord(
    "sign_descent", "steps by the sign of the gradient", settings: commonSettings)

  func update(_ w: Value, _ g: Value, rate: Value, step: Value, _ state: OptimizerState) throws -> Value {
    try w - g.sign() * rate
  }
}

ApusCommandLine.main {
  try OperatorRegistry.register(SquaredRelu.self)
  try OptimizerRegistry.register(SignDescent.self)
  // A test asks for a registration that is refused.
  if CommandLine.arguments.contains("refused") { try OptimizerRegistry.register(SignDescent.self) }
}
