import ApusCore
import ApusGraph
import ApusOperators

/// What an optimizer remembers of one variable from step to step.
///
/// Each slot is a variable of the training graph that is not trained itself, named `optimizer/<variable>/<slot>`: saved
/// models hold it, and `Trainer.optimizerState` reads it.
public struct OptimizerState {
  /// The variable that is trained, as it is before the step; as f32 if it has 16 bits, in which squares of gradients vanish.
  public let variable: Value
  /// The variable's name, as `dense/kernel`.
  public let name: String
  /// Which batches change the slots; all of them if nil.
  let turn: GradientAccumulation?

  /// The slot of a variable's running mean.
  static let averageSlot = "average"
  /// The name of a slot's variable.
  static func label(_ slot: String, of variable: String) -> String { "\(Variable.optimizerPrefix)\(variable)/\(slot)" }

  /// A slot of the variable's shape that starts at zero.
  public func zeros(_ slot: String) throws -> Value { try filled(slot, with: 0) }

  /// A slot of the variable's shape whose elements start at `value`.
  public func filled(_ slot: String, with value: Double) throws -> Value {
    try self.slot(slot, shape: variable.shape, value == 0 ? .zeros : .constant(ExactNumber(value)))
  }

  /// A slot of any shape, as a scalar or one row's mean, of the variable's element type.
  /// - Throws: `ApusError` if the variable has a slot of that name already.
  public func slot(_ slot: String, shape: Shape, _ initializer: Initializer) throws -> Value {
    try variable.builder.variable(
      Self.label(slot, of: name), variable.dtype, shape, initializer, trainable: false)
  }

  /// A slot that was declared before; nil if it was not.
  public func known(_ slot: String) -> Value? {
    let label = Self.label(slot, of: name)
    return variable.builder.graph.variables.first { $0.declaration.label == label }
      .map { variable.builder.value($0.id) }
  }

  /// The running mean of `value` with this step, a ← a + (1 − share)(value − a), in a slot that starts at zero.
  /// - Parameter share: how much of the mean before stays.
  public func mean(_ slot: String, of value: Value, share: Double) throws -> Value {
    let old = try zeros(slot)
    return try advance(old, to: old + (value - old) * (1 - share))
  }

  /// The new value of a scalar that all variables have in common, `optimizer/<slot>`. The first of them declares and
  /// advances it.
  func shared(_ slot: String, _ initializer: Initializer, next: (Value) throws -> Value) throws -> Value {
    let (builder, label) = (variable.builder, "\(Variable.optimizerPrefix)\(slot)")
    if let known = builder.graph.variables.first(where: { $0.declaration.label == label }),
      let update = builder.graph.updates.first(where: { $0.variable == known.id })
    {
      // Of a batch that completes no step nothing is used.
      return try builder.value(update.value).cast(to: variable.dtype)
    }
    let old = try builder.variable(label, variable.dtype, [], initializer, trainable: false)
    return try advance(old, to: next(old))
  }

  /// Makes `value` the slot's value from the next step on; returns `value`, for the rest of the rule.
  @discardableResult
  public func advance(_ slot: Value, to value: Value) throws -> Value {
    try variable.builder.update(slot, to: turn?.isComplete.select(value, slot) ?? value)
    return value
  }
}
