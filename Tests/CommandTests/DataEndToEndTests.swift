import Apus
import Foundation
import TestSupport
import Testing

/// From the command line alone, for each kind of data: a training that stops early, keeps its best state and writes logs for
/// TensorBoard; then measures, predictions and a confusion matrix.
@Suite struct DataEndToEndTests {
  struct Kind: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let graph: String
    let data: String
    var options = ""
    /// None if the targets are numbers.
    var classNames: [String] = []
    /// A metric of the data, and what it is at least, or of numbers at most.
    var reached = 0.9

    var isOfClasses: Bool { !classNames.isEmpty }
  }

  static let kinds = [
    Kind(
      testDescription: "a table of classes", graph: "classes.graph", data: "classes.csv",
      options: "--target kind --normalize --mix", classNames: ["high", "low", "middle"]),
    Kind(testDescription: "a table of numbers", graph: "line.graph", data: "numbers.csv", reached: 0.1),
    Kind(testDescription: "an NPZ file", graph: "classes.graph", data: "arrays.npz", classNames: ["0", "1", "2"]),
    Kind(
      testDescription: "a folder of PNG files", graph: "pictures.graph", data: "pictures",
      classNames: ["left", "right", "top"]),
    Kind(
      testDescription: "a folder of texts", graph: Repository.file("Graphs/Models/text.graph").path, data: "texts",
      classNames: ["liked", "not"]),
  ]

  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    for (name, text) in DataFolder.graphs { _ = try folder.write(text, as: name) }
    // Three classes by which of the first three numbers is the largest; a number by two others.
    let rows = (0..<90).map { row -> [Float] in
      (0..<5).map { column in
        let noise = Float((row * 7 + column * 3) % 11) / 5 - 1
        return column == row % 3 ? noise + 3 : noise
      }
    }
    let names = ["low", "middle", "high"]
    let lines = rows.enumerated().map { row, values in
      values.map { "\($0)" }.joined(separator: ",") + ",\(names[row % 3])\n"
    }
    _ = try folder.write("a,b,c,d,e,kind\n" + lines.joined(), as: "classes.csv")
    let numbers = (0..<80).map { "\($0 % 7),\($0 % 5),\(Double($0 % 7) * 2 - Double($0 % 5) + 0.5)\n" }
    _ = try folder.write("a,b,y\n" + numbers.joined(), as: "numbers.csv")
    try NPZ.write(
      [
        ("x", Tensor(rows.flatMap(\.self), [90, 5])), ("y", Tensor((0..<90).map { UInt8($0 % 3) })),
      ], to: folder.file("arrays.npz"))
    for (label, bright) in [("left", 0...3), ("right", 12...15), ("top", 6...9)] {
      let place = folder.file("pictures/" + label)
      try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
      for index in 0..<20 {
        let pixels = (0..<16).map { UInt8((bright.contains($0) ? 200 : 20) + ($0 * 5 + index * 3) % 30) }
        try PNG.write(Tensor(pixels, [4, 4, 1]), to: "\(place)/\(index).png")
      }
    }
    try TextFolder.write(to: folder.file("texts"), count: 60)
  }

  private func run(_ line: String) throws -> String {
    let result = try runProgram(
      arguments: line.split(separator: " ").map(String.init), in: URL(fileURLWithPath: folder.path))
    #expect(result.status == 0, "\(line): \(result.errors)")
    return result.output
  }

  private func object(_ json: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
  }

  @Test(arguments: kinds) func allOfIt(_ kind: Kind) throws {
    let callbacks =
      "early_stopping(min_delta=0.001,patience=8),checkpoint(best,save_best_only=true),tensorboard(logs)"
    let trained = try object(
      run(
        "train \(kind.graph) --data \(kind.data) \(kind.options) --validation-split 0.25 --epochs 400 "
          + "--optimizer adam(learning_rate=0.05) --verbose silent --callbacks \(callbacks) --save saved --json"))
    let epochs = try #require(trained["epochs"] as? [Int])
    #expect(epochs.count > 1 && epochs.count < 400, "\(epochs.count)")
    let losses = try #require((trained["history"] as? [String: [Double]])?["val_loss"])
    let logs = try FileManager.default.subpathsOfDirectory(atPath: folder.file("logs"))
    #expect(logs.contains { $0.contains("events.out.tfevents") }, "\(logs)")

    // The best state: a checkpoint is a saved model, with all that is known of the data.
    let best = try #require(Trainer.resumed(from: folder.file("best")).history["val_loss"]?.last)
    let least = try #require(losses.min())
    #expect(abs(best - least) < 1e-9 * least, "\(best) \(losses)")
    let metric = kind.isOfClasses ? "accuracy" : "mean_absolute_error"
    let measured = try object(run("evaluate best --data \(kind.data) --json"))
    let value = try #require(measured[metric] as? Double)
    #expect(kind.isOfClasses ? value >= kind.reached : value <= kind.reached, "\(metric) \(value)")

    let lines = try run("predict best --data \(kind.data)").split(separator: "\n")
    let count = try DataReader.load(folder.file(kind.data), choices(kind)).train.count
    #expect(lines.count == count)
    guard kind.isOfClasses else {
      #expect(lines.allSatisfy { $0.contains("  target ") })
      let refused = try runProgram(
        arguments: ["evaluate", "best", "--data", kind.data, "--confusion-matrix"],
        in: URL(fileURLWithPath: folder.path))
      #expect(refused.status == 1 && refused.errors.contains("a confusion matrix needs one class for each sample"))
      return
    }
    let right = lines.count { $0.hasSuffix("  right") }
    #expect(abs(Double(right) / Double(count) - value) < 1e-6, "\(right) of \(count), \(value)")
    try confusionMatrix(kind, count: count, right: right)
  }

  private func choices(_ kind: Kind) -> DataChoices {
    var choices = DataChoices()
    if kind.options.contains("--target kind") { choices.target = "kind" }
    return choices
  }

  private func confusionMatrix(_ kind: Kind, count: Int, right: Int) throws {
    let table = try run("evaluate best --data \(kind.data) --confusion-matrix")
    for name in kind.classNames { #expect(table.contains("\n" + name), "\(table)") }
    let command = "evaluate best --data \(kind.data) --confusion-matrix"
    let matrix = try #require(try object(run(command + " --json"))["confusion_matrix"] as? [String: Any])
    let counts = try #require(matrix["counts"] as? [[Int]])
    #expect(matrix["class_names"] as? [String] == kind.classNames)
    #expect(counts.flatMap(\.self).reduce(0, +) == count)
    #expect(counts.indices.reduce(0) { $0 + counts[$1][$1] } == right)
    #expect(try run(command + " -o matrix.csv").contains("confusion matrix: matrix.csv"))
    let lines = try folder.text("matrix.csv").split(separator: "\n")
    #expect(lines.first == "truth," + kind.classNames.joined(separator: ","))
    #expect(lines.dropFirst().map { $0.split(separator: ",").dropFirst().compactMap { Int($0) } } == counts)
    #expect(try run(command + " -o matrix.json").contains("matrix.json"))
    #expect(try object(folder.text("matrix.json"))["counts"] as? [[Int]] == counts)
  }

  /// Each damaged file has an error of its own: `DamagedDataTests` runs them.
  @Test func damagedInputsAreMany() {
    #expect(DamagedDataTests.all.count >= 80)
    #expect(Set(DamagedDataTests.all.map { $0.messages.first }).count >= 70)
  }
}
