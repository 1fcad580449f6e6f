import ApusAutodiff
import ApusCore
import ApusGraph
import ApusOperators
import ApusPresentation

extension ActivationFunction {
  /// The function and its derivative over a range, both computed by a graph.
  ///
  /// Softmax and its logarithm need several numbers: theirs are the first output for x beside 0, and its derivative by x.
  /// - Parameters:
  ///   - count: how many places there are, both ends among them.
  /// - Throws: `ApusError` if the range is empty or not finite, or there are fewer than two places.
  public func curve(
    over range: ClosedRange<Double> = -6...6, count: Int = 121
  ) throws -> (x: [Double], values: [Double], derivatives: [Double]) {
    let width = range.upperBound - range.lowerBound
    guard count >= 2, width > 0, width.isFinite else {
      throw ApusError.input("a curve of \(count) places over \(range) cannot be drawn")
    }
    let x = (0..<count).map { range.lowerBound + width * Double($0) / Double(count - 1) }
    let builder = GraphBuilder(rawValue)
    let input = try builder.parameter("x", .f64, [.number(count)])
    let y = try applyToColumn(input)
    let slope = try gradients(of: y.sum(), withRespectTo: [input])[0]
    let results = try Session().run(builder.build([y, slope]), feeds: ["x": Tensor(x)])
    return (x, results[0].doubles(), results[1].doubles())
  }

  private func applyToColumn(_ x: Value) throws -> Value {
    guard readsSeveral else { return try apply(x) }
    let column = try x.reshaped(Shape(x.shape.dims + [.number(1)]))
    let pairs = try concatenate([column, column * 0], axis: 1)
    return try apply(pairs).sliced(axis: 1, from: 0, to: 1).reshaped(x.shape)
  }

  /// Whether an output depends on several inputs.
  private var readsSeveral: Bool { self == .softmax || self == .logSoftmax }

  /// The curves of activations as a picture, a panel each: the function solid, its derivative dashed.
  /// - Throws: as `curve`; `ApusError` if there are no functions.
  public static func plot(
    _ functions: [ActivationFunction] = allCases, over range: ClosedRange<Double> = -6...6
  ) throws -> LinePlot {
    guard !functions.isEmpty else { throw ApusError.input("there are no activations to draw") }
    let panels = try functions.map { function in
      let curve = try function.curve(over: range)
      let title = function.rawValue + (function.readsSeveral ? " (of x and 0)" : "")
      return LinePlot.Panel(
        title: title,
        curves: [
          .init(name: "f(x)", values: curve.values, positions: curve.x),
          .init(name: "f'(x)", values: curve.derivatives, isValidation: true, positions: curve.x),
        ])
    }
    return LinePlot(title: "Activation functions", xLabel: "x", panels: panels, columns: functions.count > 4 ? 4 : 2)
  }
}
