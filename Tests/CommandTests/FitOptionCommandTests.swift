import Apus
import Foundation
import TestSupport
import Testing

/// Options of `apus train` that `fit` has: weights of classes, steps, epochs, validation.
@Suite struct FitOptionCommandTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    _ = try folder.write(try #require(DataFolder.graphs["classes.graph"]), as: "classes.graph")
    // 40 samples: 20 of a, 15 of b, 5 of c, in turn as far as they go.
    let lines = (0..<40).map { row in
      let label = row % 8 == 7 ? "c" : row % 2 == 0 ? "a" : "b"
      return (0..<5).map { "\((row * 7 + $0 * 3) % 11)" }.joined(separator: ",") + ",\(label)\n"
    }
    let head = "p,q,r,s,t,class\n"
    _ = try folder.write(head + lines.joined(), as: "data.csv")
    _ = try folder.write(head + lines.prefix(10).joined(), as: "more.csv")
  }

  private func run(_ line: String) throws -> ProgramResult {
    try runProgram(
      arguments: line.split(separator: " ").map(String.init), in: URL(fileURLWithPath: folder.path))
  }

  private func train(_ options: String) throws -> ProgramResult {
    try run("train classes.graph --data data.csv --verbose silent --seed 3 \(options)")
  }

  /// What training of the same in Swift gives.
  private func trained(
    epochs: Int = 1, _ fit: (Trainer, LoadedData) throws -> History
  ) throws -> (weights: Tensor, history: History) {
    let data = try DataReader.load(folder.file("data.csv"))
    let graph = try Graph.parse(folder.text("classes.graph"))[0]
    let trainer = try Trainer(
      graph, optimizer: RMSprop(), loss: .sparseCategoricalCrossEntropy, metrics: [.accuracy], seed: 3)
    let history = try fit(trainer, data)
    return (trainer.weights[0].value, history)
  }

  private func saved() throws -> Trainer { try Trainer.resumed(from: folder.file("saved")) }

  static let weights: [(String, [Int: Double])] = [
    ("a=2,c=0.5", [0: 2.0, 2: 0.5]), ("0=2,2=0.5", [0: 2.0, 2: 0.5]), ("b=0", [1: 0.0]),
    ("balanced", [0: 40.0 / 60.0, 1: 40.0 / 45.0, 2: 40.0 / 15.0]),
  ]

  @Test(arguments: weights) func weightsOfClasses(_ text: String, _ weights: [Int: Double]) throws {
    let result = try train("--class-weight \(text) --epochs 2 --save saved")
    #expect(result.status == 0, "\(result.errors)")
    let expected = try trained {
      try $0.fit($1.train.inputs, $1.train.targets, epochs: 2, verbose: .silent, classWeights: weights)
    }
    let kernel = try saved().weights[0].value
    #expect(kernel.elements(as: Float.self) == expected.weights.elements(as: Float.self))
    // A training that goes on has the same weights; others are refused.
    let whole = try train("--class-weight \(text) --epochs 3 --save whole")
    #expect(whole.status == 0)
    let more = "train saved --resume saved --data data.csv --verbose silent --epochs 3 --save saved"
    #expect(try run(more + " --class-weight a=9").errors.contains("--resume goes on with other weights of classes"))
    #expect(try run(more + " --class-weight \(text)").status == 0)
    #expect(try folder.bytes("whole/weights.safetensors") == folder.bytes("saved/weights.safetensors"))
  }

  /// Balanced weights are those of the samples that are trained on.
  @Test func balancedWithoutTheValidationPart() throws {
    #expect(try train("--class-weight balanced --validation-split 0.5 --save saved").status == 0)
    let settings = try folder.text("saved/training.json")
    let data = try DataReader.load(folder.file("data.csv"))
    let weights = try data.train.balancedClassWeights(count: 20)
    // scikit-learn's compute_class_weight("balanced") of 10, 8 and 2 samples.
    let expected: [Int: Double] = [0: 20.0 / 30.0, 1: 20.0 / 24.0, 2: 20.0 / 6.0]
    #expect(weights == expected)
    #expect(settings.contains("\"2\" : 3.33333"), "\(settings)")
  }

  @Test func stepsAndEpochs() throws {
    #expect(try train("--batch 8 --steps-per-epoch 3 --epochs 4 --save saved").status == 0)
    #expect(try saved().stepCount == 12)
    let expected = try trained {
      try $0.fit($1.train.inputs, $1.train.targets, batchSize: 8, epochs: 4, verbose: .silent, stepsPerEpoch: 3)
    }
    #expect(try saved().weights[0].value.elements(as: Float.self) == expected.weights.elements(as: Float.self))
    let more = "train saved --resume saved --data data.csv --verbose silent --epochs 5 --save saved"
    let refused = try run(more + " --steps-per-epoch 4")
    #expect(refused.status == 2 && refused.errors.contains("goes on with 3, but --steps-per-epoch says 4"))
    #expect(try run(more).status == 0)
    #expect(try saved().stepCount == 15)
    // The number of the first epoch.
    #expect(try train("--initial-epoch 7 --epochs 10 --save saved").status == 0)
    #expect(try saved().history.epochs == [7, 8, 9])
  }

  @Test func validation() throws {
    let every = try train("--validation-data more.csv --validation-frequency 2 --epochs 4 --save saved")
    #expect(every.status == 0, "\(every.errors)")
    let losses = try #require(saved().history["val_loss"])
    #expect(losses.map(\.isNaN) == [true, false, true, false])
    let data = try DataReader.load(
      folder.file("more.csv"), encoding: saved().inputEncoding, classNames: saved().classNames)
    let measured = try saved().evaluate(data.train.inputs, data.train.targets)
    #expect(abs(try #require(measured["loss"]) - losses[3]) < 1e-6)
    // The first 4 of 20 samples.
    let part = try train("--validation-split 0.5 --validation-batch 2 --validation-steps 2 --save saved")
    #expect(part.status == 0, "\(part.errors)")
    let all = try DataReader.load(folder.file("data.csv")).train
    let first = try saved().evaluate(all.inputs.gather(rows: 20..<24), all.targets.gather(rows: 20..<24))
    #expect(abs(try #require(first["loss"]) - (try #require(saved().history["val_loss"]?.first))) < 1e-6)
  }

  @Test(arguments: [
    ("--class-weight a", "--class-weight 'a' is not class=weight"),
    ("--class-weight a=x", "--class-weight 'a=x' is not class=weight"),
    ("--class-weight a=-1", "--class-weight 'a=-1' is not class=weight"),
    ("--class-weight d=1", "--class-weight names 'd', which is not a class of 'data.csv'"),
    ("--class-weight 3=1", "its classes are a, b, c"), ("--class-weight a=1,0=2", "names class 0 twice"),
    ("--steps-per-epoch 0", "--steps-per-epoch must be at least 1"),
    ("--steps-per-epoch 9223372036854775807", "--steps-per-epoch 9223372036854775807 is more than the"),
    ("--features p,q,", "--features 'p,q,' ends with a comma"),
    ("--features p,,q", "--features 'p,,q' has no name before or after a comma"),
    ("--features ,", "--features ',' ends with a comma"),
    ("--features \"p,q", "--features '\"p,q' has a quote that does not end"),
    ("--categories ,p", "--categories ',p' has no name before or after a comma"),
    ("--validation-steps 0 --validation-split 0.5", "--validation-steps must be at least 1"),
    ("--validation-steps 2", "--validation-steps has no meaning without samples to validate on"),
    ("--validation-frequency 2", "--validation-frequency has no meaning without samples"),
    ("--validation-batch 2", "--validation-batch has no meaning without samples"),
    ("--validation-data more.csv --validation-split 0.5", "choose --validation-split or --validation-data"),
    ("--initial-epoch -1", "--initial-epoch"),
    ("--initial-epoch 3 --epochs 2", "--initial-epoch 3 is after --epochs 2"),
    ("--initial-epoch 0 --resume saved", "--initial-epoch has no meaning with --resume"),
  ]) func whatMakesNoSenseIsRefused(_ options: String, _ message: String) throws {
    let result = try train(options)
    #expect(result.status == 2 && result.errors.contains(message), "\(result.status): \(result.errors)")
    #expect(result.output.isEmpty)
  }

  /// Numbers that are no classes have no weights.
  @Test func weightsNeedClasses() throws {
    _ = try folder.write(try #require(DataFolder.graphs["line.graph"]), as: "line.graph")
    _ = try folder.write("a,b,y\n1,2,0.5\n2,3,1.5\n3,1,2.5\n", as: "line.csv")
    let result = try run("train line.graph --data line.csv --verbose silent --class-weight balanced")
    #expect(result.status == 1 && result.errors.contains("the target of line.csv:2 is 0.5, which is not a class"))
    let named = try run("train line.graph --data line.csv --verbose silent --class-weight 0=2")
    #expect(
      named.status == 1 && named.errors.contains("the target of line.csv:2 is 0.5, which is not a class"),
      "\(named.errors)")
  }

  @Test(arguments: [
    ("--output matrix.csv", "--output is for --confusion-matrix"),
    ("--confusion-matrix --output matrix.txt", "is not a .csv, .json or .svg file"),
  ]) func matrixOptions(_ options: String, _ message: String) throws {
    let result = try run("evaluate saved --data data.csv \(options)")
    #expect(result.status == 2 && result.errors.contains(message), "\(result.errors)")
  }
}
