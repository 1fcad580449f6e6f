/// What training logged: a value for each epoch and name.
public struct History: Sendable, Hashable {
  /// The epochs that were run, from 0.
  public internal(set) var epochs: [Int] = []
  /// Names in alphabetical order, as Keras shows them: `accuracy`, `loss`, `val_accuracy`, `val_loss`.
  public private(set) var names: [String] = []
  private var values: [String: [Double]] = [:]

  public init() {}

  init(epochs: [Int], values: [String: [Double]]) {
    self.epochs = epochs
    self.values = values
    names = values.keys.sorted()
  }

  /// The values of `name`, one an epoch, NaN for an epoch that did not log it; nil if none did.
  public subscript(name: String) -> [Double]? { values[name] }

  mutating func append(epoch: Int, _ logs: [String: Double]) {
    for name in Set(values.keys).union(logs.keys) {
      // Values stay beside their epochs: validation may begin late.
      values[name, default: .init(repeating: .nan, count: epochs.count)].append(logs[name] ?? .nan)
    }
    epochs.append(epoch)
    names = values.keys.sorted()
  }

  /// Names with their values, in order of names.
  public var curves: [(name: String, values: [Double])] { names.map { ($0, values[$0] ?? []) } }
}
