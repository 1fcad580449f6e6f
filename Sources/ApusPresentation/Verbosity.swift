/// How much training, evaluation and prediction tell while they run.
public enum Verbosity: String, CaseIterable, Sendable, Hashable {
  /// `bar` on a terminal, `line` elsewhere.
  case auto
  /// Nothing: Keras's `verbose=0`.
  case silent
  /// A bar that moves: Keras's `verbose=1`.
  case bar
  /// A line an epoch: Keras's `verbose=2`.
  case line

  /// The verbosity with `auto` decided.
  public func resolved(isTerminal: Bool) -> Verbosity {
    self == .auto ? (isTerminal ? .bar : .line) : self
  }
}
