import ApusPresentation

extension History {
  /// Draws the curves as an SVG file.
  /// - Throws: `ApusError` if the file cannot be written.
  public func plot(to path: String, title: String = "training") throws {
    try LinePlot(title: title, firstEpoch: (epochs.first ?? 0) + 1, history: curves).write(to: path)
  }

  /// Several trainings in one chart: a color each, validation dashed.
  ///
  ///     try History.comparison(of: [("sgd", slow), ("adam", fast)]).write(to: "optimizers.svg")
  public static func comparison(of runs: [(name: String, history: History)], title: String = "training") -> LinePlot {
    LinePlot(
      title: title, runs: runs.map { ($0.name, ($0.history.epochs.first ?? 0) + 1, $0.history.curves) })
  }
}

extension SavedModel {
  /// What training logged until the model was saved; nil if that is not known.
  package var history: History? {
    state.map { History(epochs: $0.epochs, values: $0.history.mapValues { $0.map(\.value) }) }
  }
}
