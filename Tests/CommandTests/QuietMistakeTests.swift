import Apus
import Foundation
import TestSupport
import Testing

/// Mistakes that would give a number, or lose a file, without a word.
@Suite struct QuietMistakeTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    _ = try folder.write(try #require(DataFolder.graphs["line.graph"]), as: "line.graph")
    for (name, activation) in [("classes", "softmax"), ("labels", "sigmoid")] {
      _ = try folder.write(
        """
        graph @\(name)(%input: f32[batch, 2]) {
          %kernel: f32[2, 3] = variable(glorot_uniform) from "output"
          %scores = matmul(%input, %kernel) from "output"
          %y = \(activation)(%scores) from "output"
          return %y
        }
        """, as: "\(name).graph")
    }
    _ = try folder.write(
      """
      graph @pictures(%input: f32[batch, 4, 5, 3]) {
        %flat: f32[batch, 60] = reshape(%input, shape: [batch, 60]) from "flatten"
        %kernel: f32[60, 2] = variable(glorot_uniform) from "output"
        %scores = matmul(%flat, %kernel) from "output"
        %y = softmax(%scores) from "output"
        return %y
      }
      """, as: "pictures.graph")
    let rows = (0..<12).map { "\($0),\($0 * $0 % 7),\($0 % 2)" }
    _ = try folder.write((["a,b,y"] + rows).joined(separator: "\n") + "\n", as: "table.csv")
    let words = (0..<12).map { "\($0),\($0 % 5),\(["low", "mid", "high"][$0 % 3])" }
    _ = try folder.write((["a,b,y"] + words).joined(separator: "\n") + "\n", as: "words.csv")
    try arrays()
  }

  private func arrays() throws {
    func numbers(_ shape: [Int]) throws -> Tensor { try Tensor((0..<shape.reduce(1, *)).map { Float($0 % 9) }, shape) }
    func write(_ name: String, _ x: Tensor, _ y: Tensor) throws {
      try NPZ.write([("x", x), ("y", y)], to: folder.file(name))
    }
    let ones = try Tensor((0..<12).map { Float($0 % 2) }, [12, 1])
    try write("arrays.npz", numbers([12, 2]), ones)
    try NPY.write(numbers([12, 2]), to: folder.file("x.npy"))
    var broken = try numbers([12, 2]).elements(as: Float.self)
    broken[7] = .nan
    try write("nan.npz", Tensor(broken, [12, 2]), ones)
    try write("inf.npz", numbers([12, 2]), Tensor((0..<12).map { $0 == 5 ? Float.infinity : 1 }, [12, 1]))
    try write("huge.npz", Tensor((0..<24).map { $0 == 3 ? 1e200 : Double($0) }, [12, 2]), ones)
    let hot = (0..<36).map { $0 % 3 == $0 / 3 % 3 }
    try write("bool.npz", numbers([12, 2]), Tensor(hot, [12, 3]))
    try write("i8.npz", numbers([12, 2]), Tensor(hot.map { $0 ? Int8(1) : 0 }, [12, 3]))
    let several = (0..<36).map { Int64($0 % 5 == 0 || $0 % 3 == 1 ? 1 : 0) }
    try write("several.npz", numbers([12, 2]), Tensor(several, [12, 3]))
    let classes = try Tensor((0..<12).map { UInt8($0 % 2) }, [12])
    try write("last.npz", numbers([12, 4, 5, 3]), classes)
    try write("first.npz", numbers([12, 3, 4, 5]), classes)
    try write("rows.npz", numbers([12, 20, 3]), classes)
    try write("flat.npz", numbers([12, 60]), classes)
    try write("turned.npz", numbers([12, 3, 20]), classes)
  }

  private func run(_ line: String) throws -> ProgramResult {
    try runProgram(arguments: line.split(separator: " ").map(String.init), in: URL(fileURLWithPath: folder.path))
  }

  private func refuses(_ line: String, status: Int32 = 1, _ messages: String...) throws {
    let result = try run(line)
    #expect(result.status == status && !result.wasSignalled, "\(line): \(result.output)\(result.errors)")
    for message in messages { #expect(result.errors.contains(message), "\(line): \(result.errors)") }
  }

  private func succeeds(_ line: String) throws -> ProgramResult {
    let result = try run(line)
    #expect(result.status == 0, "\(line): \(result.errors)")
    return result
  }

  /// A model keeps how a table's columns become inputs. Arrays have no columns.
  @Test func arraysInThePlaceOfAnEncodedTable() throws {
    _ = try succeeds("train line.graph --data table.csv --normalize --save normal --verbose silent")
    for line in [
      "predict normal x.npy", "predict normal arrays.npz", "evaluate normal --data arrays.npz",
      "train normal --data arrays.npz --save other", "train normal --resume normal --data arrays.npz --epochs 2",
      "train line.graph --data table.csv --normalize --validation-data arrays.npz",
    ] {
      try refuses(line, "holds arrays, but the model normalizes or encodes columns of a table: a, b", "give it a table")
    }
    // Columns that are inputs as they are mean the same in an array.
    _ = try succeeds("train line.graph --data table.csv --save plain --verbose silent")
    let (table, array) = (try succeeds("evaluate plain --data table.csv"), try succeeds("predict plain x.npy"))
    #expect(table.output.contains("loss") && !array.output.isEmpty)
  }

  @Test func axesInAnotherOrder() throws {
    try refuses(
      "train pictures.graph --data first.npz", "[4, 5, 3] a sample, but the data has [3, 4, 5]", "another order",
      "x.transpose(0, 2, 3, 1) in NumPy")
    try refuses("train pictures.graph --data turned.npz", "as many elements in another order")
    for same in ["last", "rows", "flat"] {
      _ = try succeeds("train pictures.graph --data \(same).npz --verbose silent")
    }
  }

  @Test func numbersThatAreNotFinite() throws {
    for command in ["train line.graph", "evaluate trained", "predict trained"] {
      _ = try succeeds("train line.graph --data arrays.npz --save trained --verbose silent")
      let data = command.hasPrefix("predict") ? "" : "--data "
      try refuses("\(command) \(data)nan.npz", "nan.npz: the input of sample 3 holds nan at [1]", "numpy.nan_to_num")
      try refuses("\(command) \(data)inf.npz", "inf.npz: the target of sample 5 holds inf")
      try refuses("\(command) \(data)huge.npz", "sample 1 of the input holds 1e+200, which is beyond the model's f32")
    }
  }

  @Test func outputsInThePlaceOfInputs() throws {
    _ = try succeeds("train line.graph --data arrays.npz --save trained --verbose silent")
    let before = try (folder.bytes("table.csv"), folder.bytes("x.npy"), folder.bytes("arrays.npz"))
    try refuses("train line.graph --data table.csv --plot table.csv", "--plot 'table.csv' would overwrite what is read")
    try refuses("train line.graph --data table.csv --plot ./table.csv", "would overwrite what is read")
    try refuses("train line.graph --data table.csv --plot curves.png", status: 2, "a name that ends in .svg")
    try refuses("train line.graph --data x.npy --target arrays.npz --save x.npy", "would overwrite what is read")
    try refuses("predict trained x.npy --output x.npy", "--output 'x.npy' would overwrite what is read")
    // A published set is not the folder that has its name.
    try FileManager.default.createDirectory(atPath: folder.file("mnist"), withIntermediateDirectories: false)
    let named = try run("train line.graph --data mnist --save mnist")
    #expect(!named.errors.contains("would overwrite"), "\(named.errors)")
    #expect(try before == (folder.bytes("table.csv"), folder.bytes("x.npy"), folder.bytes("arrays.npz")))
  }

  /// One-hot rows of any type, and rows with several ones.
  @Test func rowsOfZerosAndOnes() throws {
    for rows in ["bool", "i8"] {
      let result = try succeeds("train classes.graph --data \(rows).npz --save hot --verbose line")
      #expect(result.output.contains("accuracy"), "\(result.output)")
      #expect(try folder.text("hot/training.json").contains("categorical_crossentropy"))
    }
    _ = try succeeds("train labels.graph --data several.npz --save several --verbose silent")
    #expect(try folder.text("several/training.json").contains("binary_crossentropy"))
  }

  @Test func classesOfOneOutput() throws {
    try refuses(
      "train line.graph --data words.csv", "the targets are 3 classes (high, low, mid), but the model has one output",
      "3 outputs with softmax", "--loss mean_squared_error")
    _ = try succeeds("train line.graph --data words.csv --loss mean_squared_error --verbose silent")
    _ = try succeeds("train classes.graph --data words.csv --verbose silent")
  }
}
