import ApusCore
import ApusGraph
import ApusOperators

/// Activations by Keras's names, which `rawValue` spells.
public enum ActivationFunction: String, Sendable, Hashable, CaseIterable {
  case linear, relu, relu6
  case leakyReLU = "leaky_relu"
  case elu, selu, gelu
  /// gelu by a hyperbolic tangent instead of the normal distribution function.
  case geluTanh = "gelu_tanh"
  case silu, softplus, softsign
  case hardSigmoid = "hard_sigmoid"
  case sigmoid, tanh, exponential, softmax
  case logSoftmax = "log_softmax"

  /// The activation of a name.
  /// - Throws: `ApusError` with a suggestion if there is none.
  public static func named(_ name: String) throws -> ActivationFunction {
    guard let function = ActivationFunction(rawValue: name) else {
      let names = allCases.map(\.rawValue)
      throw ApusError.usage(
        "there is no activation '\(name)'",
        help: Suggestion.didYouMean(name, among: names) ?? "one of \(names.joined(separator: ", "))")
    }
    return function
  }

  /// The activation of `x`; softmax and its logarithm over the last axis.
  func apply(_ x: Value) throws -> Value {
    switch self {
    case .linear: x
    case .relu: try x.relu()
    case .relu6: try x.relu6()
    case .leakyReLU: try x.leakyRelu()
    case .elu: try x.elu()
    case .selu: try x.selu()
    case .gelu: try x.gelu()
    case .geluTanh: try x.gelu(approximate: true)
    case .silu: try x.silu()
    case .softplus: try x.softplus()
    case .softsign: try x.softsign()
    case .hardSigmoid: try x.hardSigmoid()
    case .sigmoid: try x.sigmoid()
    case .tanh: try x.tanh()
    case .exponential: try x.exp()
    case .softmax: try x.softmax()
    case .logSoftmax: try x.logSoftmax()
    }
  }
}
