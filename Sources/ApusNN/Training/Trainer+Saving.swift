import ApusCore
import ApusGraph
import ApusPasses

extension Trainer {
  /// Writes `model.graph`, `weights.safetensors` (weights, optimizer state, step counter) and `training.json` into a
  /// folder, which is made if need be; other files in it stay.
  ///
  /// The three replace a model that is there in one step: a failure, a full disk or the end of the process leaves that
  /// model. `AtomicFolder` says how.
  /// - Parameter allowingNonFinite: whether weights that are NaN or infinite are saved, too: over a good model, maybe.
  /// - Throws: `ApusError` if the folder cannot be made or written, or a weight is not finite.
  public func save(to directory: String, allowingNonFinite: Bool = false) throws {
    if !allowingNonFinite, let name = nonFiniteWeight {
      throw ApusError.input(
        "the model is not saved to '\(directory)': its weights '\(name)' are not finite",
        help: "what was saved there before stays")
    }
    try SavedModel.write(self, to: directory)
  }

  /// The first of the trained variables that holds a NaN or an infinity.
  var nonFiniteWeight: String? {
    model.variables.lazy.filter(\.declaration.trainable).map(\.declaration.label)
      .first { self.session.value(of: $0).map { !$0.isFinite } ?? false }
  }

  /// Goes on where the trainer that `save` wrote stopped: takes weights, optimizer state, learning rate, step counter,
  /// history, seed and class names from the folder. Training on the same data with the same batch size then goes on as if
  /// it had not been interrupted: the bits are the same. Callbacks begin anew.
  ///
  /// To begin anew from the weights, with another optimizer or loss, use `Session.loadModelWeights`.
  /// - Throws: `ApusError` if this trainer has another optimizer, other settings of it, or another loss, or if the file's
  ///   tensors do not fit this model; nothing is changed then.
  public func resume(from directory: String) throws {
    try resume(SavedModel(contentsOf: directory, weightsAlone: true))
  }

  package func resume(_ saved: SavedModel) throws {
    let state = try saved.requiredState()
    for (what, before, now) in [
      ("optimizer", state.optimizer, optimizer.specification), ("loss", state.loss, loss.specification),
      ("losses", OutputState.text(state.outputs), OutputState.text(TrainingState(of: self).outputs)),
    ] where before != now {
      throw ApusError.input(
        "'\(saved.directory)' was trained with the \(what) \(before), not with \(now)",
        help: "to resume is to go on with the same; load the weights alone to begin anew with another \(what)")
    }
    try saved.give(to: session)
    history = saved.history ?? History()
    seed = state.seed
    classNames = state.classNames ?? []
    inputEncoding = state.inputs
    fitSettings = state.fitting
  }

  /// A trainer that goes on where the one that `save` wrote stopped: its graph, optimizer, loss, metrics, and state.
  /// - Throws: `ApusError` if a file cannot be read, or nothing is registered under the name of its optimizer, loss or a
  ///   metric.
  public static func resumed(
    from directory: String, backend: (any Backend)? = nil, passes: Compilation.Passes = .level(.standard)
  ) throws -> Trainer {
    try resumed(SavedModel(contentsOf: directory), backend: backend, passes: passes)
  }

  package static func resumed(
    _ saved: SavedModel, backend: (any Backend)? = nil, passes: Compilation.Passes = .level(.standard)
  ) throws -> Trainer {
    let state = try saved.requiredState()
    guard let optimizer = try saved.optimizer(), let objective = try saved.objective() else {
      throw ApusError.defect("a state without its parts")
    }
    let trainer = try Trainer(
      saved.graph(), optimizer: optimizer, objective: objective, backend: backend, seed: state.seed, passes: passes)
    try trainer.resume(saved)
    return trainer
  }
}

extension Session {
  /// Gives each variable of this session its value from a folder that `save` wrote.
  /// - Throws: `ApusError` that names file, tensor, and both types where one is missing or differs; nothing is changed
  ///   then.
  public func loadWeights(from directory: String) throws {
    try SavedModel(contentsOf: directory, weightsAlone: true).give(to: self)
  }

  /// Gives the weights of `model` alone their saved values: no optimizer's state, which prediction does not need, and no
  /// states of recurrent layers, which begin with zeros.
  /// - Throws: as `loadWeights`.
  public func loadModelWeights(from directory: String, of model: Graph) throws {
    try SavedModel(contentsOf: directory, weightsAlone: true).give(to: self, of: model)
  }
}
