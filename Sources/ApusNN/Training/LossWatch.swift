import ApusCore

/// What `fit` does if a loss is NaN or infinite.
public enum NonFiniteLoss: String, Sendable, CaseIterable {
  /// It ends with an error that names the first step.
  case stop
  /// The same, and the error names the first operator and layer that made a number which is not finite. Each step costs a
  /// copy of the variables; they are left as they were before that step.
  case explain
  /// It trains on, as Keras does. The epoch's line of progress is marked.
  case `continue`
}

/// Looks for losses that are not finite, and remembers the first of an epoch.
struct LossWatch {
  /// The first loss that was not finite.
  struct Fault {
    let value: Double
    /// The optimizer's step, from 1 over the whole of training.
    let step: Int
    /// From 1, in its epoch.
    let batch: Int

    /// What the epoch's line of progress is marked with.
    var mark: String { " - the loss is \(value) from batch \(batch) on" }
  }

  private(set) var fault: Fault?

  /// - Parameters:
  ///   - losses: of consecutive batches.
  ///   - step: how many steps the optimizer had done before them.
  ///   - batch: how many batches of the epoch precede them.
  mutating func check(_ losses: [Double], afterStep step: Int, afterBatch batch: Int) {
    guard fault == nil, let index = losses.firstIndex(where: { !$0.isFinite }) else { return }
    fault = Fault(value: losses[index].canonical, step: step + index + 1, batch: batch + index + 1)
  }

  /// - Parameters:
  ///   - epoch: from 0.
  ///   - cause: what made it, if that was asked for.
  static func error(_ fault: Fault, epoch: Int, cause: String?) -> ApusError {
    let rest = cause.map { "; " + $0 } ?? ""
    func help(_ explaining: String) -> String {
      "a smaller learning rate or clipped gradients (clipnorm) may help"
        + (cause == nil ? "; to find the operator that makes it, train again with \(explaining)" : "")
    }
    return .input(
      "the loss is \(fault.value) in step \(fault.step), batch \(fault.batch) of epoch \(epoch + 1)\(rest)",
      help: help("onNonFiniteLoss: .explain"), commandHelp: help("--on-nan explain"))
  }

  /// The error for a validation loss, which has no step of its own.
  static func validationError(_ value: Double, epoch: Int) -> ApusError {
    .input(
      "the validation loss is \(value.canonical) after epoch \(epoch + 1)",
      help: "the samples for validation give numbers that those for training do not: look at their range")
  }
}
