import ApusCore
import ApusGraph

/// What a model took from another one by name, and what it did not: transfer learning.
public struct WeightTransfer: Hashable, Sendable {
  /// A variable that both have, but not of one type.
  public struct Mismatch: Hashable, Sendable {
    public let name: String
    /// What it is here.
    public let own: TensorType
    /// What it is in the other model.
    public let other: TensorType
  }

  /// The model's variables that got their values from the other one.
  public internal(set) var taken: [String] = []
  /// Those that keep their values because the other model has another shape or element type for them.
  public internal(set) var mismatched: [Mismatch] = []
  /// Those that keep their values because the other model has none of that name.
  public internal(set) var missing: [String] = []
  /// The other model's variables that this one has not.
  public internal(set) var unused: [String] = []

  /// What variables take of others: the value of the same name, if it has the same type.
  /// - Parameter other: the value that another model has for one of `own`; nil if it has none.
  init(_ own: [(name: String, type: TensorType)], from other: (String) -> Tensor?) {
    for (name, type) in own {
      guard let value = other(name) else {
        missing.append(name)
        continue
      }
      if value.type == type {
        taken.append(name)
      } else {
        mismatched.append(.init(name: name, own: type, other: value.type))
      }
    }
  }

  /// A line for each of the lists that is not empty.
  public func text() -> String {
    let lists: [(String, [String])] = [
      ("taken", taken),
      ("new, because their shape differs", mismatched.map { "\($0.name) (\($0.own), there \($0.other))" }),
      ("new", missing), ("not used", unused),
    ]
    return lists.filter { !$0.1.isEmpty }.map { "weights \($0.0): \($0.1.joined(separator: ", "))\n" }.joined()
  }
}

extension Trainer {
  /// Gives the variables of this model the values of those with the same name and type in a saved model; the others stay
  /// as they are. The optimizer's state is not taken.
  /// - Parameters:
  ///   - directory: a folder that `save` wrote.
  ///   - part: the name of a model inside this one, if the saved model is that one: `conv1/kernel` is for
  ///     `part/conv1/kernel` then.
  /// - Returns: what was taken, and what was not.
  /// - Throws: `ApusError` if the folder cannot be read, or nothing fits; nothing is changed then.
  @discardableResult
  public func takeWeights(from directory: String, into part: String? = nil) throws -> WeightTransfer {
    try takeWeights(of: SavedModel(contentsOf: directory, weightsAlone: true), into: part)
  }

  /// As above, from the model of another trainer.
  @discardableResult
  public func takeWeights(from other: Trainer, into part: String? = nil) throws -> WeightTransfer {
    try takeWeights(other.weights, into: part, called: "model '\(other.model.name)'")
  }

  @discardableResult
  package func takeWeights(of saved: SavedModel, into part: String? = nil) throws -> WeightTransfer {
    // What training keeps besides weights is not for another model.
    let weights = saved.values.filter { !Variable.belongsToTraining($0.name) }
    return try takeWeights(weights, into: part, called: "'\(saved.file)'")
  }

  private func takeWeights(
    _ others: [(name: String, value: Tensor)], into part: String?, called place: String
  ) throws -> WeightTransfer {
    let prefix = part.map { $0 + "/" } ?? ""
    let known = Dictionary(others.map { (prefix + $0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
    let own = weights
    var transfer = WeightTransfer(own.map { ($0.name, $0.value.type) }) { known[$0] }
    // States belong to the batches of the other model.
    let names = Set(own.map(\.name) + model.states.map(\.label))
    transfer.unused = others.map(\.name).filter { !names.contains(prefix + $0) }
    guard !transfer.taken.isEmpty else {
      func list(_ names: [String]) -> String {
        names.prefix(10).joined(separator: ", ") + (names.count > 10 ? ", …" : "")
      }
      throw ApusError.input(
        "no weight of \(place) fits the model: names and shapes must be the same",
        help: "the model has \(list(own.map { "\($0.name) \($0.value.type)" })); there is "
          + list(others.map { "\($0.name) \($0.value.type)" }))
    }
    for name in transfer.taken { if let value = known[name] { try session.setValue(value, of: name) } }
    return transfer
  }
}
