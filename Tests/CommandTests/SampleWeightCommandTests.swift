import Apus
import Foundation
import TestSupport
import Testing

/// Weights of samples on the command line: `--sample-weight`.
@Suite struct SampleWeightCommandTests {
  private let folder: TemporaryFolder
  private static let count = 24

  /// Weights, and tables with and without them.
  init() throws {
    folder = try TemporaryFolder()
    _ = try folder.write(try #require(DataFolder.graphs["classes.graph"]), as: "classes.graph")
    let rows = (0..<Self.count).map { row in
      (0..<5).map { "\((row * 7 + $0 * 3) % 11)" }.joined(separator: ",") + ",\(["a", "b", "c"][row * row % 3])"
    }
    let head = "p,q,r,s,t,class"
    func table(_ weights: [String]) -> String {
      ([head + ",trust"] + zip(rows, weights).map { $0 + "," + $1 }).joined(separator: "\n") + "\n"
    }
    _ = try folder.write(([head] + rows).joined(separator: "\n") + "\n", as: "plain.csv")
    let texts = Self.weights.map { "\($0)" }
    _ = try folder.write(table(texts), as: "weighted.csv")
    _ = try folder.write(texts.joined(separator: "\n") + "\n", as: "weights.csv")
    _ = try folder.write("trust\n" + texts.joined(separator: "\n") + "\n", as: "named.csv")
    try NPY.write(Tensor(Self.weights.map(Float.init)), to: folder.file("weights.npy"))
    try NPY.write(Tensor(Self.weights.dropLast().map(Float.init)), to: folder.file("short.npy"))
    try NPY.write(Tensor([Float](repeating: 1, count: 23) + [-1]), to: folder.file("negative.npy"))
    try NPY.write(Tensor([Float](repeating: 1, count: 23) + [.nan]), to: folder.file("nan.npy"))
    _ = try folder.write(table(texts.dropLast() + ["-2"]), as: "negative.csv")
    _ = try folder.write(table(texts.dropLast() + [""]), as: "missing.csv")
    _ = try folder.write(table(texts.dropLast() + ["much"]), as: "text.csv")
  }

  private static let weights = (0..<count).map { Double($0 % 5) / 2 }

  private func run(_ line: String) throws -> ProgramResult {
    try runProgram(arguments: line.split(separator: " ").map(String.init), in: URL(fileURLWithPath: folder.path))
  }

  private func train(_ data: String, _ options: String, save: String = "saved") throws {
    let result = try run(
      "train classes.graph --data \(data) --target class --verbose silent --seed 3 --save \(save) \(options)")
    try #require(result.status == 0, "\(result.errors)")
  }

  private func kernel(_ name: String = "saved") throws -> Tensor {
    try Trainer.resumed(from: folder.file(name)).weights[0].value
  }

  /// What training with weights gives in Swift.
  private func trained(
    epochs: Int = 2, validationSplit: Double = 0, weights: Tensor? = Tensor(weights.map(Float.init))
  ) throws -> Trainer {
    let data = try DataReader.load(folder.file("plain.csv"))
    let trainer = try Trainer(
      Graph.parse(folder.text("classes.graph"))[0], optimizer: RMSprop(), loss: .sparseCategoricalCrossEntropy,
      metrics: [.accuracy], seed: 3)
    try trainer.fit(
      data.train.inputs, data.train.targets, epochs: epochs, validationSplit: validationSplit, verbose: .silent,
      sampleWeights: weights)
    return trainer
  }

  @Test(arguments: [
    ("weighted.csv", "trust"), ("weighted.csv", "weights.csv --features p,q,r,s,t"), ("plain.csv", "weights.csv"),
    ("plain.csv", "named.csv"), ("plain.csv", "weights.npy"),
  ]) func columnsAndFiles(_ data: String, _ weights: String) throws {
    try train(data, "--epochs 2 --sample-weight \(weights)")
    let expected = try trained().weights[0].value
    #expect(try kernel() == expected)
    #expect(try expected != trained(weights: nil).weights[0].value)
  }

  @Test func arraysAndOtherData() throws {
    let data = try DataReader.load(folder.file("plain.csv")).train
    let weights = Tensor(Self.weights.map(Float.init))
    try NPZ.write(
      [("x", data.inputs), ("y", data.targets), ("w", weights)].map { (name: $0.0, tensor: $0.1) },
      to: folder.file("data.npz"))
    let expected = try trained().weights[0].value
    for given in ["w", "weights.npy"] {
      let result = try run(
        "train classes.graph --data data.npz --verbose silent --seed 3 --epochs 2 --save saved --sample-weight \(given)"
      )
      #expect(result.status == 0, "\(result.errors)")
      #expect(try kernel() == expected)
    }
  }

  /// Rows that are mixed, split or left out keep their weights.
  @Test func weightsGoWithTheirSamples() throws {
    var choices = DataChoices()
    choices.target = "class"
    choices.mixes = true
    choices.testFraction = 0.25
    // The weight of a sample is one of its features, too.
    choices.features = ["p", "q"]
    choices.sampleWeights = folder.file("p.csv")
    let plain = try DataReader.load(folder.file("plain.csv")).train
    let first = plain.inputs.doubles()
    let column = (0..<Self.count).map { first[$0 * 5] }
    _ = try folder.write(column.map { "\($0)\n" }.joined(), as: "p.csv")
    let data = try DataReader.load(folder.file("weighted.csv"), choices)
    for part in [data.train, try #require(data.test)] {
      let weights = try #require(part.sampleWeights).doubles()
      #expect(weights == (0..<part.count).map { part.inputs.doubles()[$0 * 2] })
    }
    // A row without a feature is left out with its weight.
    var text = try folder.text("plain.csv").split(separator: "\n").map(String.init)
    text[3] = "," + text[3].split(separator: ",").dropFirst().joined(separator: ",")
    _ = try folder.write(text.joined(separator: "\n") + "\n", as: "hole.csv")
    choices.missing = .drop
    choices.testFraction = 0
    choices.mixes = false
    let dropped = try DataReader.load(folder.file("hole.csv"), choices).train
    var rest = column
    rest.remove(at: 2)
    #expect(dropped.count == Self.count - 1)
    #expect(dropped.sampleWeights?.doubles() == rest)
  }

  @Test func validationAndEvaluation() throws {
    try train("weighted.csv", "--sample-weight trust --epochs 2 --validation-split 0.25")
    let expected = try trained(validationSplit: 0.25)
    let saved = try Trainer.resumed(from: folder.file("saved"))
    #expect(saved.history["val_loss"] == expected.history["val_loss"])

    let all = try DataReader.load(folder.file("plain.csv")).train
    func loss(_ weights: Tensor?) throws -> Double {
      try #require(saved.evaluate(all.inputs, all.targets, sampleWeights: weights)["loss"])
    }
    let weighted = try loss(Tensor(Self.weights.map(Float.init)))
    #expect(try abs(weighted - loss(nil)) > 0.01)
    for options in ["--sample-weight trust", "--sample-weight weights.npy --confusion-matrix"] {
      let result = try run("evaluate saved --data weighted.csv --json \(options)")
      #expect(result.status == 0, "\(result.errors)")
      #expect(try abs(#require(Self.number("loss", in: result.output)) - weighted) < 1e-6)
    }
    let plain = try run("evaluate saved --data weighted.csv --json")
    #expect(try abs(#require(Self.number("loss", in: plain.output)) - loss(nil)) < 1e-6)

    try train(
      "plain.csv", "--validation-data weighted.csv --validation-sample-weight trust --epochs 1", save: "validated")
    let validated = try Trainer.resumed(from: folder.file("validated"))
    let measured = try validated.evaluate(
      all.inputs, all.targets, sampleWeights: Tensor(Self.weights.map(Float.init)))["loss"]
    #expect(try abs(#require(measured) - (#require(validated.history["val_loss"]?.last))) < 1e-6)
  }

  private static func number(_ name: String, in json: String) -> Double? {
    let object = try? JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any]
    return object?[name] as? Double
  }

  @Test func aTrainingThatGoesOnHasTheSameWeights() throws {
    try train("weighted.csv", "--sample-weight trust --epochs 1")
    let more = "train saved --resume saved --data weighted.csv --verbose silent --epochs 2 --save saved"
    let refused = try run(more + " --sample-weight weights.npy")
    #expect(refused.status == 2 && refused.errors.contains("goes on with trust, but --sample-weight says weights.npy"))
    #expect(try run(more).status == 0)
    #expect(try kernel() == trained().weights[0].value)
    // From the weights alone training begins anew, without them.
    #expect(try run("train saved --data weighted.csv --verbose silent --save other").status == 0)
    #expect(try !folder.text("other/training.json").contains("sample_weights"))
  }

  @Test(arguments: [
    ("plain.csv", "trust", "plain.csv: has no column 'trust' with weights of samples, and there is no file"),
    ("plain.csv", "short.npy", "short.npy: holds 23 weights for the 24 samples of 'plain.csv'"),
    ("plain.csv", "negative.npy", "negative.npy: the weight of sample 23 is -1"),
    ("plain.csv", "nan.npy", "nan.npy: the weight of sample 23 is nan"),
    ("plain.csv", "plain.csv", "plain.csv: has 6 columns; weights of samples are a file with one"),
    ("negative.csv", "trust", "negative.csv:25:14: error: the weight of a sample is -2"),
    ("missing.csv", "trust", "error: the weight of a sample is missing"),
    ("text.csv", "trust", "error: 'much' is not a number, and cannot be the weight of a sample"),
    ("weighted.csv", "trust --features p,q,r,s,trust", "the column 'trust' of sample weights is a feature, too"),
    ("weighted.csv", "class", "the column 'class' of sample weights is the target, too"),
    ("weighted.csv", "trust --validation-sample-weight trust", "is for the samples of --validation-data"),
  ]) func whatIsWrongIsNamed(_ data: String, _ weights: String, _ message: String) throws {
    let result = try run(
      "train classes.graph --data \(data) --target class --verbose silent --sample-weight \(weights)")

    #expect(result.status == (message.contains("is for the samples") ? 2 : 1), "\(result.errors)")
    #expect(result.errors.contains(message), "\(result.errors)")
  }

  @Test func predictionTakesNoWeights() throws {
    try train("weighted.csv", "--sample-weight trust")
    // The column of weights need not be there.
    let result = try run("predict saved --data plain.csv --first 2")
    #expect(result.status == 0, "\(result.errors)")
  }
}
