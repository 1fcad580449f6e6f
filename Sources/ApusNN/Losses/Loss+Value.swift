import ApusCore
import ApusGraph

extension Loss {
  /// The loss of predictions, as training computes it: the mean over all samples. Keras's `loss(y_true, y_pred)`.
  ///
  ///     try Loss.meanSquaredError(Tensor([1, 2] as [Float]), Tensor([1, 4] as [Float]))  // 2
  ///
  /// - Parameters:
  ///   - targets: class numbers or values, as the loss takes them, samples along axis 0.
  ///   - predictions: what a model would say, samples along axis 0.
  /// - Throws: `ApusError` if the shapes or types do not fit, or a setting is outside its range.
  public func callAsFunction(_ targets: Tensor, _ predictions: Tensor) throws -> Double {
    try checkSettings()
    let builder = GraphBuilder(Identifier.sanitized(name))
    let target = try builder.parameter("target", targets.dtype, targets.shape)
    let prediction = try builder.parameter("prediction", predictions.dtype, predictions.shape)
    let graph = try builder.build([mean(fitting(target, to: prediction), prediction)])
    let results = try Session().run(graph, feeds: ["target": targets, "prediction": predictions])
    return results[0].doubles()[0]
  }
}
