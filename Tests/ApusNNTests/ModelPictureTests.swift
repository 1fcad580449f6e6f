import Apus
import Foundation
import TestSupport
import Testing

/// Pictures of what models hold and answer.
@Suite struct ModelPictureTests {
  /// Derivatives from the formulas, and not from graphs.
  @Test func activationCurves() throws {
    let formulas: [(ActivationFunction, (Double) -> Double, (Double) -> Double)] = [
      (
        .sigmoid, { 1 / (1 + exp(-$0)) },
        {
          let s = 1 / (1 + exp(-$0))
          return s * (1 - s)
        }
      ),
      (.tanh, { tanh($0) }, { 1 - tanh($0) * tanh($0) }), (.relu, { max($0, 0) }, { $0 > 0 ? 1 : 0 }),
      (.exponential, { exp($0) }, { exp($0) }), (.linear, { $0 }, { _ in 1 }),
      (
        .softmax, { 1 / (1 + exp(-$0)) },
        {
          let s = 1 / (1 + exp(-$0))
          return s * (1 - s)
        }
      ),
      (.logSoftmax, { -log(1 + exp(-$0)) }, { 1 / (1 + exp($0)) }),
    ]
    for (function, value, slope) in formulas {
      let curve = try function.curve(over: -3...3, count: 25)
      #expect(curve.x.first == -3 && curve.x.last == 3 && curve.x.count == 25)
      for (index, x) in curve.x.enumerated() where x != 0 {
        #expect(abs(curve.values[index] - value(x)) < 1e-6, "\(function) at \(x)")
        #expect(abs(curve.derivatives[index] - slope(x)) < 1e-6, "\(function)' at \(x)")
      }
    }
    let plot = try ActivationFunction.plot()
    #expect(plot.panels.count == ActivationFunction.allCases.count)
    #expect(plot.svg() == (try ActivationFunction.plot().svg()))
    for function in ActivationFunction.allCases { #expect(plot.svg().contains(">\(function.rawValue)")) }
    #expect(throws: ApusError.self) { try ActivationFunction.relu.curve(count: 1) }
    #expect(throws: ApusError.self) { try ActivationFunction.plot([]) }
  }

  private func network() throws -> Trainer {
    try Sequential(input: [4, 4, 1]) {
      Conv2D(2, kernelSize: 2, useBias: false, name: "conv")
      Conv2D(1, kernelSize: 2, useBias: false, name: "second")
      Flatten()
      Dense(2, activation: .softmax)
    }.compile(loss: .sparseCategoricalCrossEntropy)
  }

  /// A filter that picks one pixel shows the input; one that subtracts it shows it inverted.
  @Test func featureMapsShowTheChannels() throws {
    let trainer = try network()
    // By place, then by filter: the first filter is the pixel at the top left, the second its negative.
    try trainer.session.setValue(Tensor([1, -1, 0, 0, 0, 0, 0, 0] as [Float], [2, 2, 1, 2]), of: "conv/kernel")
    let image = try Tensor((0..<16).map { Float($0) }, [4, 4, 1])
    let maps = try trainer.featureMaps(of: "conv", for: image)
    // Two channels of 3 × 3, each pixel 21 times, with gaps of 4.
    #expect(maps.dimensions == [63 + 8, 2 * 63 + 12])
    func pixel(_ channel: Int, _ y: Int, _ x: Int) throws -> UInt8 {
      try maps[4 + 21 * y + 10][4 + channel * 67 + 21 * x + 10].elements(as: UInt8.self)[0]
    }
    // Values 0 … 10 of the input's corner become 0 … 255.
    #expect(try pixel(0, 0, 0) == 0 && pixel(0, 2, 2) == 255 && pixel(0, 1, 1) == 128)
    #expect(try pixel(1, 0, 0) == 255 && pixel(1, 2, 2) == 0)
    #expect(try trainer.featureMaps(of: "conv", for: image.reshaped([1, 4, 4, 1])) == maps)
    let unknown = refusal { try trainer.featureMaps(of: "cnv", for: image) }
    #expect(unknown.contains("no layer 'cnv'"))
    #expect(refusal { try trainer.featureMaps(of: "dense", for: image) }.contains("no channels to draw"))
    #expect(
      refusal { try trainer.featureMaps(of: "conv", for: Tensor(zeros: .f32, [2, 4, 4, 1])) }.contains("one sample"))
  }

  @Test func filtersShowTheirSigns() throws {
    let trainer = try network()
    try trainer.session.setValue(Tensor([1, 0, 0, 2, -1, 0, 0.5, 0] as [Float], [2, 2, 1, 2]), of: "conv/kernel")
    let sheet = try trainer.filters(of: "conv")
    func pixel(_ filter: Int, _ y: Int, _ x: Int) throws -> UInt8 {
      try sheet[4 + 32 * y + 9][4 + filter * 68 + 32 * x + 9].elements(as: UInt8.self)[0]
    }
    #expect(try [pixel(0, 0, 0), pixel(0, 0, 1), pixel(0, 1, 0), pixel(0, 1, 1)] == [255, 128, 0, 191])
    #expect(try [pixel(1, 0, 0), pixel(1, 0, 1), pixel(1, 1, 0)] == [128, 255, 128])
    // Two channels in, one filter: a row of two pictures.
    #expect(try trainer.filters(of: "second").dimensions == [24 + 8, 2 * 24 + 12])
    let message = refusal { try trainer.filters(of: "flatten") }
    #expect(message.contains("no layer 'flatten' with filters"))
  }

  /// What is convolved with is a filter, and not what has its rank or its name: attention's kernels have three axes.
  @Test func filtersAreThoseOfConvolutions() throws {
    let image = Input([6, 6, 2])
    let maps = Conv2DTranspose(3, kernelSize: 2, name: "up")(
      DepthwiseConv2D(kernelSize: 2, name: "depth")(Conv2D(2, kernelSize: 2, name: "conv")(image)))
    let steps = Reshape([25, 3])(maps)
    let seen = MultiHeadAttention(numHeads: 2, keyDim: 4, name: "attention")([steps, steps])
    let answer = Dense(2, activation: .softmax)(Flatten()(Conv1D(2, kernelSize: 3, name: "line")(seen)))
    let trainer = try Model(image, answer).compile(loss: .sparseCategoricalCrossEntropy)
    let threeAxes = trainer.weights.filter { $0.value.rank == 3 && $0.name.hasPrefix("attention") }
    #expect(threeAxes.count > 2, "\(trainer.weights.map(\.name))")
    for name in threeAxes.map(\.name) + ["attention", "attention/query", "dense"] {
      let message = refusal { try trainer.filters(of: name) }
      #expect(message.contains("its convolutions: conv, depth, up, line"), "\(name): \(message)")
    }
    for name in ["conv", "depth", "up", "line", "conv/kernel"] { _ = try trainer.filters(of: name) }
  }

  @Test func regionsAreTheModelsAnswers() throws {
    let model = try Sequential(input: [2]) { Dense(2, activation: .softmax) }
    let trainer = try model.compile(loss: .sparseCategoricalCrossEntropy)
    // Class 1 where x is larger than y.
    try trainer.session.setValue(Tensor([-5, 5, 5, -5] as [Float], [2, 2]), of: "dense/kernel")
    let points = try Tensor([0, 1, 1, 0, 0.2, 0.9] as [Float], [3, 2])
    let plot = try trainer.decisionRegions(points: points, labels: Tensor([0, 1, 1] as [UInt8]), steps: 10)
    #expect(plot.classes.count == 10)
    // Rows begin with the largest y.
    #expect(plot.classes[0][0] == 0 && plot.classes[9][9] == 1 && plot.classes[2][5] == 0 && plot.classes[8][4] == 1)
    #expect(plot.x.lowerBound < 0 && plot.x.upperBound > 1 && plot.points.map(\.label) == [0, 1, 1])
    // One of the three points is in the other class's region.
    #expect(plot.svg().ranges(of: "stroke=\"#000000\"").count == 1)
    #expect(throws: ApusError.self) { try trainer.decisionRegions(points: Tensor(zeros: .f32, [3, 3])) }
    let wide = try Sequential(input: [3]) { Dense(2) }.compile(loss: .meanSquaredError)
    #expect(refusal { try wide.decisionRegions(points: points) }.contains("samples of two numbers"))
    let number = try Sequential(input: [2]) { Dense(1) }.compile(loss: .meanSquaredError)
    #expect(refusal { try number.decisionRegions(points: points) }.contains("drawn for classes"))
  }

  @Test func diagramsHaveTheLayers() throws {
    let x = Input([4], name: "x")
    let hidden = Dense(4, activation: .relu, name: "hidden")(x)
    let model = try Model(x, Add(name: "sum")([hidden, x]))
    let boxes = model.diagram().boxes
    #expect(boxes.map(\.name) == ["x", "hidden", "sum"] && boxes.map(\.type) == ["InputLayer", "Dense", "Add"])
    #expect(boxes.map(\.sources) == [[], [0], [1, 0]] && boxes[1].parameterCount == 20)
    #expect(boxes[1].shape == "(None, 4)")
    let inner = try Sequential(name: "inner", input: [4]) { Dense(3) }
    let nested = try Sequential(input: [4]) { inner }
    #expect(nested.diagram().boxes.map(\.name).contains("inner/dense"))
    #expect(nested.diagram().boxes.first { $0.name == "inner/dense" }?.type == "Dense")
  }

  /// Only on a terminal, in place: the second drawing begins where the first did.
  @Test func theLossIsDrawnWhileTraining() throws {
    let data = try SyntheticImages(count: 40)
    func drawn(isTerminal: Bool) throws -> String {
      var text = ""
      var time = 0.0
      let output = ProgressOutput(isTerminal: isTerminal) { text += $0 }
      let plot = LivePlot(output: output, width: 40, height: 8) {
        time += 0.1
        return time
      }
      try smallModel().compile(loss: .sparseCategoricalCrossEntropy, backend: InterpreterBackend()).fit(
        data.images, data.labels, batchSize: 8, epochs: 2, validationSplit: 0.2, verbose: .silent, callbacks: [plot])
      return text
    }
    let text = try drawn(isTerminal: true)
    let up = text.ranges(of: "\u{1B}[9A").count
    #expect(up > 0 && text.ranges(of: "━").count >= up + 1)
    #expect(text.contains("epoch 2, step 8") && text.contains("val_loss"))
    #expect(try drawn(isTerminal: false).isEmpty)
  }

  @Test func trainingsAreCompared() throws {
    let data = try SyntheticImages(count: 30)
    let histories = try [1, 2].map { epochs in
      try smallModel().compile(loss: .sparseCategoricalCrossEntropy, backend: InterpreterBackend())
        .fit(data.images, data.labels, epochs: epochs, verbose: .silent)
    }
    let plot = History.comparison(of: [("short", histories[0]), ("long", histories[1])], title: "two")
    #expect(plot.panels.map(\.title) == ["loss"])
    #expect(plot.panels[0].curves.map(\.name) == ["short", "long"])
    #expect(plot.panels[0].curves.map(\.values) == histories.map { $0["loss"] ?? [] })
  }
}
