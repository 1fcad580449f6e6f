import ApusCore

/// The optimizers by name, for the command line and saved models.
public enum OptimizerRegistry {
  public static let names = [SGD.name, RMSprop.name, Adam.name]

  /// `rmsprop`, `sgd(learning_rate=0.1, momentum=0.9, nesterov=true)`
  /// - Throws: `ApusError` with a suggestion where there is no such optimizer or option.
  public static func named(_ text: String) throws -> any Optimizer {
    var spec = try NamedSpecification(text, kind: "optimizer")
    func options(_ rate: Double) throws -> OptimizerOptions {
      OptimizerOptions(
        learningRate: try spec.number("learning_rate") ?? rate, weightDecay: try spec.number("weight_decay"),
        clipNorm: try spec.number("clipnorm"), clipValue: try spec.number("clipvalue"),
        globalClipNorm: try spec.number("global_clipnorm"))
    }
    let optimizer: any Optimizer
    switch spec.name {
    case SGD.name:
      optimizer = SGD(
        options: try options(0.01), momentum: try spec.number("momentum") ?? 0,
        nesterov: try spec.bool("nesterov") ?? false)
    case RMSprop.name:
      optimizer = RMSprop(
        options: try options(0.001), rho: try spec.number("rho") ?? 0.9, momentum: try spec.number("momentum") ?? 0,
        epsilon: try spec.number("epsilon") ?? 1e-7, centered: try spec.bool("centered") ?? false)
    case Adam.name:
      optimizer = Adam(
        options: try options(0.001), beta1: try spec.number("beta_1") ?? 0.9,
        beta2: try spec.number("beta_2") ?? 0.999, epsilon: try spec.number("epsilon") ?? 1e-7,
        amsgrad: try spec.bool("amsgrad") ?? false)
    default: throw spec.unknown(among: names)
    }
    try spec.finish()
    return optimizer
  }
}
