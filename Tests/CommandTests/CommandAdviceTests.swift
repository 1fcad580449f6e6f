import Apus
import Foundation
import TestSupport
import Testing

/// What commands say of data that are left out, of options of other programs, and of what comes to nothing.
@Suite struct CommandAdviceTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    for name in ["pictures.graph", "line.graph"] {
      _ = try folder.write(try #require(DataFolder.graphs[name]), as: name)
    }
    _ = try folder.write("a,b,y\n1,2,0.5\n2,3,1.5\n3,1,2.5\n", as: "line.csv")
  }

  private func run(_ arguments: [String]) throws -> ProgramResult {
    try runProgram(arguments: arguments, in: URL(fileURLWithPath: folder.path))
  }

  private func run(_ line: String) throws -> ProgramResult { try run(line.split(separator: " ").map(String.init)) }

  @Test func filesThatAreLeftOut() throws {
    for name in ["drop/a", "drop/b/in", "drop/c"] {
      try FileManager.default.createDirectory(atPath: folder.file(name), withIntermediateDirectories: true)
      try PNG.write(Tensor(zeros: .u8, [4, 4]), to: folder.file(name + "/1.png"))
      _ = try folder.write("GIF", as: name + "/2.gif")
    }
    _ = try folder.write("BM", as: "drop/c/3.bmp")
    let training = "train pictures.graph --data drop --validation-data drop/ --verbose silent --save saved"
    for line in [training, "evaluate saved --data drop", "predict saved drop", "data drop", "data drop --matrix 0"] {
      let result = try run(line)
      #expect(result.status == 0, "\(line): \(result.errors)")
      let warnings = result.errors.split(separator: "\n").filter { $0.hasPrefix("warning: ") }
      #expect(
        warnings.first == "warning: 4 files in 'drop' are left out: 3 .gif, 1 .bmp", "\(line): \(result.errors)")
      #expect(warnings.count == (line == training ? 2 : 1), "\(result.errors)")
      #expect(result.errors.contains("help: pictures are .png, .jpg or .jpeg files"), "\(result.errors)")
    }
  }

  @Test func samplesThatThereAreNot() throws {
    try NPZ.write(
      [("x", Tensor(zeros: .f32, [0, 2])), ("y", Tensor(zeros: .f32, [0]))], to: folder.file("zero.npz"))
    #expect(try run("train line.graph --data line.csv --verbose silent --save saved").status == 0)
    let result = try run("predict saved zero.npz")
    #expect(result.status == 1 && result.errors.contains("zero.npz: holds no samples"), "\(result.errors)")
  }

  @Test func separatorsHaveNames() throws {
    _ = try folder.write("a;b,y\n1;2,3\n", as: "both.csv")
    for separator in ["semicolon", ";"] {
      let result = try run(["data", "both.csv", "--separator", separator])
      #expect(result.status == 0 && result.output.contains("\nb,y "), "\(result.output)\(result.errors)")
    }
    #expect(try run("data both.csv --separator comma").output.contains("\na;b "))
    #expect(try run("data both.csv --separator 5").status == 2)
    _ = try folder.write("1", as: "x.txt")
    try NPY.write(Tensor(zeros: .f32, [1, 2]), to: folder.file("x.npy"))
    #expect(try run("data x.npy --separator tab").errors.contains("--separator has no meaning for 'x.npy'"))
    _ = try folder.write("x,x,p\nx,y,q\n", as: "twice.csv")
    #expect(try run("data twice.csv").errors.contains("if the first line is a sample, --header no"))
  }

  /// What was validated, and what is not trained, is said when training goes on.
  @Test func resumingSaysWhatEnds() throws {
    let training = "--data line.csv --verbose silent --save saved"
    #expect(try run("train line.graph --validation-data line.csv --epochs 3 \(training)").status == 0)
    let more = try run("train saved --resume saved --epochs 4 --data line.csv --verbose silent")
    #expect(more.errors.contains("so its val_ curves end here\n  help: --validation-data PATH"), "\(more.errors)")
    let none = try run("train saved --resume saved --epochs 2 --data line.csv --verbose silent")
    #expect(none.errors.contains("'saved' has 3 epochs already, so none is trained"), "\(none.errors)")
    #expect(!none.errors.contains("val_ curves end"), "\(none.errors)")
  }

  static let advice: [(line: String, says: String, not: String)] = [
    ("train line.graph --lr 0.1", "setting of the optimizer: --optimizer \"adam(learning_rate=0.1)\"", "--color"),
    ("train line.graph --learning-rate 0.1", "--optimizer \"adam(learning_rate=0.1)\"", "mean"),
    ("data line.csv --lr 0.1", "Unknown option '--lr'\nUsage", "mean"),
    ("train line.graph --batch-size 8", "did you mean '--batch'?", "color"),
    ("train line.graph --epoch 8", "did you mean '--epochs'?", "color"),
    ("train line.graph --optimizer adam(lr=0.1)", "did you mean 'learning_rate'?", "its options"),
    ("train line.graph --optimizer zebra", "one of sgd", "register"),
    (
      "train line.graph --data line.csv --callbacks early_stopping", "give --validation-split or --validation-data",
      "validationSplit"
    ),
    ("train line.graph --data line.csv --validation-split 0.9", "or another --validation-split", "validationSplit"),
    (
      "train line.graph --data line.csv --optimizer sgd(1e30) --epochs 9", "train again with --on-nan explain",
      ".explain"
    ),
    (
      "train line.graph --data line.csv --callbacks tensorboard(line.csv)", "'line.csv' is a file, and not a folder",
      "NSC"
    ),
  ]

  @Test(arguments: advice) func wordsAreThoseOfCommands(_ line: String, _ says: String, _ not: String) throws {
    let result = try run(line)
    #expect(result.status != 0 && !result.wasSignalled && result.errors.contains(says), "\(result.errors)")
    let help = result.errors.components(separatedBy: "Usage:")[0]
    #expect(!help.contains(not), "\(result.errors)")
  }
}
