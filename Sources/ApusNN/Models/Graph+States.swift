import ApusCore
import ApusGraph

extension Graph {
  /// The states of a model: variables that its own graph updates in each run, as those of stateful recurrent layers. They
  /// are no weights: training does not change them by gradients, `summary()` does not count them, and no other model takes
  /// them.
  package var states: [Variable] {
    let updated = Set(updates.map(\.variable))
    let states = variables.filter { updated.contains($0.id) }.map(\.declaration)
    // A graph that updates trained variables is a training step, and not a model.
    return states.contains(where: \.trainable) ? [] : states
  }

  /// The size that all batches have; nil if they may have any.
  var fixedBatchSize: Int? { (try? modelInputs())?.first.flatMap { type(of: $0).shape.dims.first?.number } }
}
