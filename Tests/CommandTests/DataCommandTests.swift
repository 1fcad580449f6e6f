import Apus
import Foundation
import TestSupport
import Testing

/// Training, measuring and predicting with data of the user's own, and what `apus data` shows of them.
@Suite struct DataCommandTests {
  private let folder: TemporaryFolder
  private let files: URL

  init() throws {
    folder = try TemporaryFolder()
    files = try DataFolder.shared.get()
  }

  /// Runs a command among the data files; SAVED stands for a folder of this test.
  private func run(_ line: String) throws -> ProgramResult {
    try runProgram(
      arguments: line.split(separator: " ").map { $0.replacing("SAVED", with: folder.file("saved")) }.map(String.init),
      in: files)
  }

  private func succeed(_ line: String) throws -> String {
    let result = try run(line)
    #expect(result.status == 0, "\(line): \(result.errors)")
    return result.output
  }

  private func fail(_ line: String, _ messages: String..., status: Int32 = 1) throws {
    let result = try run(line)
    #expect(result.status == status, "\(line): status \(result.status)")
    for message in messages { #expect(result.errors.contains(message), "\(result.errors)") }
  }

  private let encoded = "--target class --features age,port,fare --missing mean --normalize"

  /// Columns, categories and classes are kept with the model and used by `evaluate` and `predict`.
  @Test func aTableOfClasses() throws {
    let training = "train classes.graph --data passengers.csv --epochs 40 --verbose silent --save SAVED"
    _ = try succeed("\(training) \(encoded)")
    #expect(try succeed("evaluate SAVED --data passengers.csv").contains("accuracy: "))
    let lines = try succeed("predict SAVED --data passengers.csv").split(separator: "\n")
    #expect(lines.count == 20 && lines[0].hasPrefix("passengers.csv:2  "), "\(lines)")
    #expect(lines.allSatisfy { $0.contains(" first ") || $0.contains(" second ") || $0.contains(" third ") })
    #expect(try succeed("predict SAVED passengers.csv --json").contains("\"name\":"))
    // The same numbers as the library's own reading of the table.
    let trainer = try Trainer.resumed(from: folder.file("saved"))
    let data = try DataReader.load(
      files.appendingPathComponent("passengers.csv").path, encoding: trainer.inputEncoding)
    #expect(data.train.inputs.dimensions == [20, 5] && trainer.classNames == ["first", "second", "third"])
    let accuracy = try #require(trainer.evaluate(data.train.inputs, data.train.targets)["accuracy"])
    #expect(
      try succeed("evaluate SAVED --data passengers.csv --json").contains(
        "\"accuracy\":\(String(format: "%.2f", accuracy).prefix(3))"))
    // Without the target, predictions say no truth.
    _ = try folder.write("fare,port,age\n10,Cherbourg,30\n", as: "new.csv")
    let new = try succeed("predict SAVED \(folder.file("new.csv"))")
    #expect(new.hasPrefix(folder.file("new.csv") + ":2  ") && !new.contains("right") && !new.contains("wrong"))
    try fail(
      "evaluate SAVED --data \(folder.file("new.csv"))", "holds no targets", "the model needs the column 'class'")
    _ = try folder.write("fare,age\n10,30\n", as: "less.csv")
    try fail("predict SAVED \(folder.file("less.csv"))", "lacks the column 'port', which the model reads")
    _ = try folder.write("fare,port,age\n10,Paris,30\n", as: "other.csv")
    try fail("predict SAVED \(folder.file("other.csv"))", "other.csv:2:4: error: column 'port' has no category 'Paris'")
    try fail("predict SAVED", "a table with the columns age, port, fare", status: 2)
    try fail("predict SAVED --data passengers.csv --target class", "keeps how its inputs are made", status: 2)
    // Training goes on with the columns that are kept.
    _ = try succeed("train SAVED --resume SAVED --epochs 41 --data passengers.csv --verbose silent --save SAVED")
    _ = try succeed("train SAVED --data passengers.csv --verbose silent --save SAVED")
    #expect(try Trainer.resumed(from: folder.file("saved")).inputEncoding == trainer.inputEncoding)
  }

  /// A target of numbers: mean squared error without being told.
  @Test func aTableOfNumbers() throws {
    let rows = (0..<40).map { i in "\(i % 7),\(i % 5),\(Double(i % 7) * 2 - Double(i % 5) + 0.5)\n" }
    _ = try folder.write("a,b,y\n" + rows.joined(), as: "numbers.csv")
    let data = folder.file("numbers.csv")
    let trained = try succeed(
      "train line.graph --data \(data) --test-split 0.25 --epochs 300 --optimizer adam(learning_rate=0.1) --verbose silent --save SAVED"
    )
    #expect(trained.contains("test: loss: 0.") && trained.contains("mean_absolute_error: 0.0"), "\(trained)")
    #expect(try Trainer.resumed(from: folder.file("saved")).loss.name == "mean_squared_error")
    let evaluated = try succeed("evaluate SAVED --data \(data) --test-split 0.25")
    #expect(trained.contains(evaluated.trimmingCharacters(in: .newlines)), "\(evaluated)")
    // Line 4 holds 2, 2 and 2.5.
    let line = try #require(try succeed("predict SAVED --data \(data)").split(separator: "\n").dropFirst(2).first)
    let fields = line.split(separator: " ")
    #expect(fields.count == 4 && fields[2] == "target" && fields[3] == "2.5000", "\(line)")
    #expect(abs((Double(fields[1]) ?? 0) - 2.5) < 0.1, "\(line)")
  }

  @Test func arrays() throws {
    let words = "--features pixels --target kind"
    try fail("train pictures.graph --data other.npz \(words)", "sample 3 (other.npz[3]) has the label 3")
    _ = try succeed("train pictures.graph --data parts.npz --epochs 1 --verbose silent --save SAVED")
    // The part for testing, which has 4 samples.
    #expect(try succeed("predict SAVED --data parts.npz").split(separator: "\n").count == 4)
    #expect(try succeed("evaluate SAVED --data parts.npz --part train").contains("accuracy"))
    try fail("predict SAVED inputs.npy", "of type u8, which does not hold the data's f32")
  }

  @Test func picturesByClass() throws {
    _ = try succeed(
      "train pictures.graph --data good --image-size 4,4 --color gray --epochs 1 --verbose silent --save SAVED")
    let state = try folder.text("saved/training.json")
    #expect(state.contains("\"height\" : 4") && state.contains("\"channels\" : 1"), "\(state)")
    // One picture of another size and in colors.
    let one = try succeed("predict SAVED good/b/1.png rgba.png")
    #expect(one.split(separator: "\n").count == 2 && one.hasPrefix("good/b/1.png  "), "\(one)")
    #expect(try succeed("evaluate SAVED --data good").contains("accuracy: 0.3333"))
    #expect(try succeed("evaluate SAVED --data fewer").contains("accuracy"))
    try fail("evaluate SAVED --data other", "other: 'z' is not a class of the model")
    try fail("predict SAVED good --image-size 8,8", "keeps how its inputs are made", status: 2)
    if JPEG.isAvailable { #expect(try succeed("predict SAVED color.jpg").hasPrefix("color.jpg  ")) }
  }

  @Test func lossesSuitTargets() throws {
    _ = try folder.write("a,b,c,d,e,y\n1,2,3,4,5,0\n1,2,3,4,5,2\n", as: "wholes.csv")
    _ = try folder.write("a,b,y\n1,2,0\n3,4,1\n", as: "counts.csv")
    let line = try #require(DataFolder.graphs["line.graph"])
    let sigmoid = line.replacing("  return %y", with: "  %p = sigmoid(%y) from \"output\"\n  return %p")
    let yesOrNo = try folder.write(sigmoid, as: "sigmoid.graph")
    for (graph, data, loss, metric) in [
      ("classes.graph", "wholes.csv", "sparse_categorical_crossentropy", "accuracy"),
      ("classes.graph", "onehot.npz", "categorical_crossentropy", "accuracy"),
      ("classes.graph", "values.npz", "mean_squared_error", "mean_absolute_error"),
      ("line.graph", "counts.csv", "mean_squared_error", "mean_absolute_error"),
      (yesOrNo, "counts.csv", "binary_crossentropy", "accuracy"),
    ] {
      let inputs = try Tensor(zeros: .f32, [2, 5])
      let oneHot = try Tensor([Float(0), 1, 0, 1, 0, 0], [2, 3])
      try NPZ.write([("x", inputs), ("y", oneHot)], to: folder.file("onehot.npz"))
      try NPZ.write(
        [("x", inputs), ("y", Tensor([Float(0), 1, 0.5, 1, 0, 0], [2, 3]))], to: folder.file("values.npz"))
      _ = try succeed("train \(graph) --data \(folder.file(data)) --epochs 1 --verbose silent --save SAVED")
      let trainer = try Trainer.resumed(from: folder.file("saved"))
      #expect(trainer.loss.name == loss && trainer.metrics.map(\.name) == [metric], "\(data) \(trainer.loss.name)")
    }
  }

  // MARK: apus data

  @Test func whatATableHolds() throws {
    let text = try succeed("data passengers.csv --target class")
    #expect(text.hasPrefix("passengers.csv: table, 20 samples\n"))
    #expect(text.contains("age    numbers       20    48.5    34.118     8.6561        3\n"), "\(text)")
    #expect(text.contains("first         7\nsecond        6\nthird         7\n"), "\(text)")
    // A target that is not said, and values that are missing, are no reason not to look.
    #expect(try succeed("data passengers.csv").contains("port   text"))
    let one = try succeed("data passengers.csv --target class --show 1")
    #expect(one.hasPrefix("passengers.csv:3: 0 first\n") && one.contains("  port=Southampton  1\n"), "\(one)")
  }

  @Test func whatArraysHold() throws {
    let text = try succeed("data parts.npz")
    #expect(text.hasPrefix("parts.npz: NPZ file, 8 samples, 4 more for testing\n"), "\(text)")
    #expect(text.contains("x_train  u8[8, 4, 4]    0  127   63.5     36.949        0\n"), "\(text)")
    let matrix = try succeed("data parts.npz --matrix 1")
    #expect(matrix == "parts.npz[1]: 1\n 16 17 18 19\n 20 21 22 23\n 24 25 26 27\n 28 29 30 31\n", "\(matrix)")
    let colors = try succeed("data rgb.npy --matrix 0")
    #expect(colors.hasPrefix("rgb.npy[0]\n"), "\(colors)")
    let json = try JSONSerialization.jsonObject(with: Data(try succeed("data parts.npz --json").utf8))
    #expect((json as? [String: Any])?["test_samples"] as? Int == 4)
  }

  @Test func picturesInTheTerminal() throws {
    // Bytes of 0 to 127 in steps of one: the letters of the ramp by tenths of 256.
    let text = try succeed("data parts.npz --show 7")
    #expect(text == "parts.npz[7]: 1\n--------\n--------\n--------\n--------\n".replacing("-", with: "="), "\(text)")
    let path = folder.file("grid.png")
    #expect(try succeed("data parts.npz --grid \(path) --first 5") == "pictures: \(path)\n")
    // 3 by 2 pictures of 4 by 4, gaps of 2.
    let grid = try PNG.read(path)
    #expect(grid.dimensions == [14, 20, 1])
    #expect(grid.elements(as: UInt8.self)[2 * 20 + 8] == 16)
    #expect(try succeed("data good --matrix 0").contains("red\n"))
  }
}
