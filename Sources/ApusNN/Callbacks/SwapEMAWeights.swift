import ApusCore

/// Measures validation with the running means of the weights that the optimizer keeps (`use_ema`), and trains on with the
/// weights. What it does and its settings are those of Keras's callback.
///
/// List it before callbacks that read the weights when an epoch ends, such as `ModelCheckpoint`.
public final class SwapEMAWeights: Callback, Component {
  private var swapsOnEpoch = false
  /// The weights while the means are in their place.
  private var weights: [(name: String, value: Tensor)] = []

  public static let record = ComponentRecord(
    "swap_ema_weights", aliases: ["swap_ema"],
    "measures validation with the optimizer's running means of the weights (use_ema)",
    settings: [
      setting(
        "swap_on_epoch", \.swapsOnEpoch,
        "whether the means are in place at ends of epochs, too: callbacks that follow save and measure them")
    ])

  public init() {}

  /// - Parameter swapsOnEpoch: whether the means are in place at ends of epochs, too, until the next one begins.
  public init(swapsOnEpoch: Bool) { self.swapsOnEpoch = swapsOnEpoch }

  public var watchesBatches: Bool { false }

  public func trainingBegins(_ trainer: Trainer) throws {
    weights = []
    guard !trainer.optimizer.options.useEMA else { return }
    throw ApusError.input(
      "\(title): the optimizer keeps no running means", help: "give it useEMA: true",
      commandHelp: "--optimizer \"\(type(of: trainer.optimizer).record.name)(use_ema=true)\"")
  }

  public func epochBegins(_ epoch: Int, _ trainer: Trainer) throws { try putBack(trainer) }
  public func validationBegins(_ trainer: Trainer) throws { try take(trainer) }
  public func validationEnds(_ trainer: Trainer) throws { try putBack(trainer) }

  public func epochEnds(_ epoch: Int, _ logs: [String: Double], _ trainer: Trainer) throws {
    if swapsOnEpoch { try take(trainer) }
  }

  // `fit` ends with the means in any case.
  public func trainingEnds(_ trainer: Trainer) throws { weights = [] }

  private func take(_ trainer: Trainer) throws {
    guard weights.isEmpty else { return }
    weights = trainer.weights
    try trainer.useAveragedWeights()
  }

  private func putBack(_ trainer: Trainer) throws {
    for (name, value) in weights { try trainer.session.setValue(value, of: name) }
    weights = []
  }
}
