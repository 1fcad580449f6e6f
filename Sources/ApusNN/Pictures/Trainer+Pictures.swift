import ApusCore
import ApusData
import ApusGraph
import ApusOperators
import ApusPresentation

/// What a trained model holds and answers, as pictures. `PNG.write` writes those of pixels.
extension Trainer {
  /// What the channels of a layer show of one sample: a gray picture each, from its smallest value to its largest.
  /// - Parameters:
  ///   - layer: its name, as `summary()` shows it.
  ///   - sample: one, with or without the axis of samples.
  /// - Returns: `u8[height, width]`: the pictures in rows, small ones enlarged.
  /// - Throws: `ApusError` that names the layers if none is called that, or if its output is not a picture with channels.
  public func featureMaps(of layer: String, for sample: Tensor) throws -> Tensor {
    let rows = sample.rank == input.shape.rank - 1 ? try sample.reshaped([1] + sample.dimensions) : sample
    guard rows.dimensions.first == 1 else {
      throw ApusError.input(
        "feature maps are those of one sample, not of \(rows.dimensions.first ?? 0)", help: "as images[0]")
    }
    let map = try outputs(of: layer, for: rows)[0]
    guard map.rank == 2 || map.rank == 3 else {
      throw ApusError.input(
        "layer '\(layer)' gives \(map.type) a sample, which has no channels to draw",
        help: "outputs(of:for:) gives its numbers",
        commandHelp: "--output FILE.npy writes its numbers; layers with channels: \(channelLayers)")
    }
    return try Picture.sheet(Picture.channels(of: map))
  }

  /// The filters of a convolution: a picture each, gray for 0, white and black for large weights of both signs. A filter
  /// that reads neither one nor three channels is a row of pictures, one a channel.
  /// - Parameter layer: its name, as `summary()` shows it.
  /// - Returns: `u8[height, width]`, or `u8[height, width, 3]` for filters that read colors.
  /// - Throws: `ApusError` that names the layers with filters if this is not one.
  public func filters(of layer: String) throws -> Tensor {
    let kernels = model.convolutionKernels
    let own = weights.filter { kernels.contains($0.name) && [3, 4].contains($0.value.rank) }
    func layerName(_ variable: String) -> String { variable.split(separator: "/").dropLast().joined(separator: "/") }
    guard let kernel = own.first(where: { $0.name == layer || layerName($0.name) == layer })?.value else {
      let names = own.map { layerName($0.name) }
      throw ApusError.input(
        "the model has no layer '\(layer)' with filters",
        help: names.isEmpty ? "it has no convolution" : "its convolutions: \(names.joined(separator: ", "))")
    }
    let (pictures, perFilter) = try Picture.filters(of: kernel)
    return try Picture.sheet(pictures, columns: perFilter == 1 ? nil : perFilter, size: perFilter == 1 ? 64 : 24)
  }

  /// The layers whose output has channels.
  private var channelLayers: String {
    var names: [String] = []
    for node in model.nodes {
      guard let name = node.origin.name, !names.contains(name), let result = node.results.first else { continue }
      if [3, 4].contains(model.type(of: result).shape.rank) { names.append(name) }
    }
    return names.isEmpty ? "none" : names.joined(separator: ", ")
  }

  /// What the model answers over a plane, for a model whose samples are two numbers.
  /// - Parameters:
  ///   - points: samples to draw over it, `[count, 2]`; they decide which part of the plane is drawn.
  ///   - labels: their classes, `[count]`, if they are known.
  ///   - names: of the two features.
  ///   - steps: how many places are tried in each direction.
  /// - Throws: `ApusError` if the model's samples are not two numbers, or its answers are not classes.
  public func decisionRegions(
    points: Tensor, labels: Tensor? = nil, names: [String] = ["x", "y"], steps: Int = 160
  ) throws -> RegionPlot {
    guard input.shape.dims.dropFirst().map(\.number) == [2] else {
      throw ApusError.input(
        "decision regions are drawn for samples of two numbers; the model's input is \(input)")
    }
    guard points.rank == 2, points.dimensions[1] == 2, points.dimensions[0] > 0 else {
      throw ApusError.input("\(points.type) holds no points of two numbers")
    }
    guard names.count == 2, steps > 1 else {
      throw ApusError.input("decision regions need the names of two features and at least two steps")
    }
    guard labels.map({ $0.count == points.dimensions[0] }) ?? true else {
      throw ApusError.input("\(points.dimensions[0]) points have \(labels?.count ?? 0) labels")
    }
    let values = points.doubles()
    let features = (0..<2).map { axis in stride(from: axis, to: values.count, by: 2).map { values[$0] } }
    let ranges = try features.map(Self.range)
    func place(_ index: Int, _ range: ClosedRange<Double>) -> Double {
      range.lowerBound + (Double(index) + 0.5) / Double(steps) * (range.upperBound - range.lowerBound)
    }
    let plane = (0..<steps).flatMap { row in
      (0..<steps).flatMap { [place($0, ranges[0]), place(steps - 1 - row, ranges[1])] }
    }
    let scores = try predict(Tensor(plane.map(Float.init), [steps * steps, 2]), batchSize: 1024).doubles()
    let reader = try AnswerReader(model, loss: objective.joint == nil ? loss : nil)
    guard scores.count == steps * steps * reader.width else {
      throw ApusError.input(
        "decision regions are drawn for one answer a sample, and the model gives \(scores.count / (steps * steps)) numbers"
      )
    }
    guard scores.allSatisfy({ !$0.isNaN }) else {
      throw ApusError.input("the model answers NaN, which is in no region")
    }
    let answers = try (0..<steps * steps).map { index -> (label: Int, certainty: Double) in
      switch reader.answer(scores[index * reader.width..<(index + 1) * reader.width]) {
      case .label(let label, let score): return (label, min(max(score, 0), 1))
      case .decision(let isYes, let score): return (isYes ? 1 : 0, min(abs(score - 0.5) * 2, 1))
      case .labels, .value:
        throw ApusError.input("decision regions are drawn for classes, and the model's output is not one")
      }
    }
    func rows<T>(_ values: [T]) -> [[T]] { (0..<steps).map { Array(values[$0 * steps..<($0 + 1) * steps]) } }
    let classes = labels?.doubles().map { Int(exactly: $0) }
    return try RegionPlot(
      title: model.name, xLabel: names[0], yLabel: names[1], x: ranges[0], y: ranges[1],
      classes: rows(answers.map(\.label)), certainty: rows(answers.map(\.certainty)), classNames: classNames,
      points: features[0].indices.map { index in
        RegionPlot.Point(x: features[0][index], y: features[1][index], label: classes?[index])
      })
  }

  /// The range of some values with a margin.
  private static func range(of values: [Double]) throws -> ClosedRange<Double> {
    guard let low = values.min(), let high = values.max(), low.isFinite, high.isFinite else {
      throw ApusError.input("points that are not finite cannot be drawn")
    }
    let margin = high > low ? (high - low) * 0.08 : 1
    return low - margin...high + margin
  }
}

extension Graph {
  /// The variables by which something is convolved, as they are, cast, or with their elements in another order.
  var convolutionKernels: Set<String> {
    var kernels: Set<String> = []
    for node in nodes where node.op is any ConvolutionOperator && node.operands.count > 1 {
      var source = producer(of: node.operands[1])
      while source.op is any ViewOperator || source.op is Cast, let operand = source.operands.first {
        source = producer(of: operand)
      }
      if let variable = source.op as? Variable { kernels.insert(variable.label) }
    }
    return kernels
  }
}
