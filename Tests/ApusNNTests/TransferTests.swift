import Apus
import Foundation
import TestSupport
import Testing

/// Models that begin with what another one has learned.
@Suite struct TransferTests {
  /// Pictures of 8 × 8 pixels with one of ten small patterns at a random place, under noise. Classes 0 to 4 and 5 to 9 are
  /// told apart by the same strokes.
  private static func patterns(_ classes: Range<Int>, count: Int, seed: UInt64) throws -> (
    images: Tensor, labels: Tensor
  ) {
    // Pairs of five strokes of three pixels: across, down, both diagonals, a dot.
    let strokes = [[3, 4, 5], [1, 4, 7], [0, 4, 8], [2, 4, 6], [4]]
    let pairs: [(Int, Int)] = (0..<5).flatMap { first in (first + 1..<5).map { (first, $0) } }
    var generator = PhiloxGenerator(seed: seed)
    var pixels: [Float] = []
    var labels: [UInt8] = []
    for _ in 0..<count {
      let label = Int(generator.next() % UInt64(classes.count))
      labels.append(UInt8(label))
      var image: [Float] = []
      for _ in 0..<64 { image.append(Float(generator.next() % 100) / 250) }
      let pair = pairs[classes.lowerBound + label]
      for (stroke, half) in [(pair.0, 0), (pair.1, 4)] {
        let (top, left) = (Int(generator.next() % 6), half + Int(generator.next() % 2))
        for cell in strokes[stroke] {
          let (row, column): (Int, Int) = (top + cell / 3, left + cell % 3)
          image[row * 8 + column] += 0.6
        }
      }
      pixels += image
    }
    return (try Tensor(pixels, [count, 8, 8, 1]), try Tensor(labels, [count]))
  }

  private func network() throws -> Sequential {
    try Sequential(name: "base", input: [8, 8, 1]) {
      Conv2D(12, kernelSize: 3, activation: .relu, name: "conv1")
      Conv2D(16, kernelSize: 3, activation: .relu, name: "conv2")
      GlobalMaxPooling2D(name: "pool")
      Dense(5, activation: .softmax, name: "output")
    }
  }

  /// What was learned of five classes helps with five others of which there are few samples.
  @Test func aTrainedPartHelpsWithOtherClasses() throws {
    let first = try Self.patterns(0..<5, count: 4000, seed: 1)
    let second = try Self.patterns(5..<10, count: 40, seed: 2)
    let test = try Self.patterns(5..<10, count: 400, seed: 3)
    let base = try network()
    try base.compile(optimizer: .adam(learningRate: 0.01), loss: .sparseCategoricalCrossEntropy)
      .fit(first.images, first.labels, epochs: 15, verbose: .silent)

    let features = try base.ending(at: "pool", name: "features")
    let model = try Sequential(input: [8, 8, 1]) {
      features
      Dense(5, activation: .softmax, name: "head")
    }
    // The head alone, then all of it with a lower rate.
    let trainer = try model.frozen(layers: ["features"])
      .compile(optimizer: .adam(learningRate: 0.01), loss: .sparseCategoricalCrossEntropy, metrics: [.accuracy])
    try trainer.fit(second.images, second.labels, epochs: 10, verbose: .silent)
    let tuned = try model.unfrozen()
      .compile(optimizer: .adam(learningRate: 0.005), loss: .sparseCategoricalCrossEntropy, metrics: [.accuracy])
    try tuned.fit(second.images, second.labels, epochs: 10, verbose: .silent)

    let scratch = try network()
      .compile(optimizer: .adam(learningRate: 0.01), loss: .sparseCategoricalCrossEntropy, metrics: [.accuracy])
    try scratch.fit(second.images, second.labels, epochs: 20, verbose: .silent)
    let (with, without) = (
      try tuned.evaluate(test.images, test.labels), try scratch.evaluate(test.images, test.labels)
    )
    #expect(with["accuracy"] ?? 0 >= (without["accuracy"] ?? 1) + 0.05, "\(with) \(without)")
    #expect(try trainer.evaluate(test.images, test.labels)["loss"] ?? 9 > with["loss"] ?? 9)
  }

  /// The part begins with the trained weights, keeps their bytes while it is frozen, and changes when it is tuned.
  @Test func frozenWeightsKeepTheirBytes() throws {
    let data = try Self.patterns(0..<5, count: 64, seed: 1)
    let base = try network()
    let trained = try base.compile(loss: .sparseCategoricalCrossEntropy)
    try trained.fit(data.images, data.labels, verbose: .silent)
    let features = try base.ending(at: "pool", name: "features")
    #expect(features.summaryTable.rows.map(\.name) == ["conv1", "conv2", "pool"])
    let model = try Sequential(input: [8, 8, 1]) {
      features
      Dense(5, activation: .softmax, name: "head")
    }
    let first = try model.frozen(layers: ["features"]).compile(loss: .sparseCategoricalCrossEntropy)
    func expectTrainedWeights(_ isExpected: Bool, _ trainer: Trainer) {
      for name in ["conv1/kernel", "conv1/bias", "conv2/kernel", "conv2/bias"] {
        #expect((trainer.state["features/" + name] == trained.state[name]) == isExpected, "\(name)")
      }
    }
    let head = first.state["head/kernel"]
    expectTrainedWeights(true, first)
    try first.fit(data.images, data.labels, epochs: 2, verbose: .silent)
    expectTrainedWeights(true, first)
    #expect(first.state["head/kernel"] != head)

    let tuned = try model.unfrozen().compile(optimizer: .sgd(learningRate: 0.01), loss: .sparseCategoricalCrossEntropy)
    expectTrainedWeights(true, tuned)
    #expect(tuned.state["head/kernel"] == first.state["head/kernel"])
    try tuned.fit(data.images, data.labels, verbose: .silent)
    expectTrainedWeights(false, tuned)
    // The model that the part is of stays as it was.
    #expect(
      try base.compile(loss: .sparseCategoricalCrossEntropy).state["conv1/kernel"] == trained.state["conv1/kernel"])
  }

  /// A part of a model that branches has the inputs that it reads, and its layers keep their names.
  @Test func partsOfModelsThatBranch() throws {
    let (a, b) = (Input([2], name: "a"), Input([3], name: "b"))
    let left = Dense(4)(a)
    let right = Dense(4)(b)
    let model = try Model(inputs: [a, b], outputs: [Add()([left, right])])
    #expect(model.summaryTable.rows.map(\.name) == ["a", "b", "dense", "dense_1", "add"])
    let part = try model.ending(at: "dense_1")
    #expect(part.summaryTable.rows.map(\.name) == ["b", "dense_1"])
    #expect(part.graph.variables.map(\.declaration.label) == ["dense_1/kernel", "dense_1/bias"])
    #expect(refusal { try model.ending(at: "dense_2") }.contains("has no layer 'dense_2'"))
    #expect(refusal { try model.ending(at: "a") }.contains("'a' is an input"))
  }

  @Test func weightsAreTakenByName() throws {
    let folder = try TemporaryFolder()
    let data = try Self.patterns(0..<5, count: 32, seed: 1)
    let trained = try network().compile(loss: .sparseCategoricalCrossEntropy)
    try trained.fit(data.images, data.labels, verbose: .silent)
    try trained.save(to: folder.file("base"))
    let other = try Sequential(input: [8, 8, 1]) {
      Conv2D(12, kernelSize: 3, activation: .relu, name: "conv1")
      Conv2D(9, kernelSize: 3, activation: .relu, name: "conv2")
      GlobalMaxPooling2D()
      Dense(3, activation: .softmax, name: "head")
    }
    let trainer = try other.compile(loss: .sparseCategoricalCrossEntropy)
    let before = trainer.state
    let transfer = try trainer.takeWeights(from: folder.file("base"))
    #expect(transfer.taken == ["conv1/kernel", "conv1/bias"])
    #expect(transfer.mismatched.map(\.name) == ["conv2/kernel", "conv2/bias"])
    #expect(transfer.missing == ["head/kernel", "head/bias"])
    #expect(transfer.unused == ["output/bias", "output/kernel"])
    #expect(transfer.text().contains("conv2/kernel (f32[3, 3, 12, 9], there f32[3, 3, 12, 16])"))
    for (name, value) in trainer.state {
      #expect(value == (transfer.taken.contains(name) ? trained.state[name] : before[name]), "\(name)")
    }
    #expect(try trainer.takeWeights(from: trained).taken == transfer.taken)
    // Into a model inside the model.
    let nested = try Sequential(input: [8, 8, 1]) { try network() }.compile(loss: .sparseCategoricalCrossEntropy)
    #expect(try nested.takeWeights(from: folder.file("base"), into: "base").missing.isEmpty)
    #expect(nested.state["base/conv1/kernel"] == trained.state["conv1/kernel"])
    #expect(refusal { try nested.takeWeights(from: folder.file("base")) }.contains("no weight of"))
  }

  @Test func layersAreFrozenByPattern() throws {
    let graph = try Sequential(input: [8, 8, 1]) {
      Conv2D(2, kernelSize: 3, name: "conv1")
      BatchNormalization(name: "norm1")
      Conv2D(2, kernelSize: 3, name: "conv2")
      BatchNormalization(name: "norm2")
      GlobalMaxPooling2D()
      Dense(5, name: "output")
    }.graph
    func frozen(_ patterns: String...) throws -> [String] { try graph.frozen(patterns).layers }
    #expect(try frozen("conv*") == ["conv1", "conv2"])
    #expect(try frozen("*1", "conv2") == ["conv1", "norm1", "conv2"])
    #expect(try frozen("?onv2") == ["conv2"] && frozen("c*v*2") == ["conv2"])
    let (part, _) = try graph.frozen(["*1"])
    #expect(
      part.variables.filter(\.declaration.trainable).map(\.declaration.label)
        == ["conv2/kernel", "conv2/bias", "norm2/gamma", "norm2/beta", "output/kernel", "output/bias"])
    // The frozen normalization moves no averages in training.
    #expect(try graph.bound(to: .training).updates.count == 4)
    #expect(try part.bound(to: .training).updates.count == 2)
    #expect(part.variables.map(\.declaration.label) == graph.variables.map(\.declaration.label))
    let message = refusal { try frozen("cnv*") }
    #expect(message.contains("no layer with weights fits 'cnv*'") && message.contains("conv1, norm1, conv2"))
    #expect(refusal { try frozen("conv") }.contains("no layer with weights fits 'conv'"))
    #expect(refusal { try frozen("*") }.contains("nothing is left to train"))
    // A model inside the model is frozen by its name.
    let nested = try Sequential(input: [8, 8, 1]) { try network().frozen(layers: []) }.graph
    #expect(throws: ApusError.self) { try nested.frozen(["base"]) }
    #expect(try nested.frozen(["base/conv*"]).layers == ["base/conv1", "base/conv2"])
  }
}
