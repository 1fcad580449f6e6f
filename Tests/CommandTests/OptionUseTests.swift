import Apus
import Foundation
import TestSupport
import Testing

/// Options that data or a model have no use for are refused, and counts are those of what was done.
@Suite struct OptionUseTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    _ = try folder.write(try #require(DataFolder.graphs["classes.graph"]), as: "classes.graph")
    _ = try folder.write(
      "graph @line(%x: f32[2]) {\n  %1 = exp(%x)\n  return %1\n}\n", as: "line.graph")
    let inputs = try Tensor((0..<15).map(Float.init), [3, 5])
    try NPZ.write([("x", inputs), ("y", Tensor([0, 1, 2] as [Int64]))], to: folder.file("three.npz"))
    _ = try folder.write("size;w;y\n1,5;1;0\n2,5;2;1\n1,5;3;0\n", as: "commas.csv")
    // Models that read floating-point numbers take bytes, too.
    let pictures = try #require(DataFolder.graphs["pictures.graph"]).replacing("u8[batch", with: "f32[batch")
    _ = try folder.write(pictures, as: "pictures.graph")
    let numbers = try Tensor((0..<48).map(Float.init), [3, 4, 4])
    try NPZ.write([("x", numbers), ("y", Tensor([0, 1, 2] as [Int64]))], to: folder.file("pictures.npz"))
    try NPY.write(numbers, to: folder.file("float.npy"))
    try NPY.write(Tensor((0..<16).map(UInt8.init), [1, 4, 4]), to: folder.file("bytes.npy"))
  }

  private func run(_ line: String) throws -> ProgramResult {
    try runProgram(
      URL(fileURLWithPath: "/bin/bash"),
      arguments: ["-c", line.replacing("apus ", with: "'\(Repository.program.path)' ")],
      in: URL(fileURLWithPath: folder.path))
  }

  static let refused: [(String, String)] = [
    ("apus train classes.graph --data three.npz --categories a", "--categories has no meaning for 'three.npz'"),
    ("apus train classes.graph --data fashion-mnist --target y", "--target has no meaning for 'fashion-mnist'"),
    ("apus train classes.graph --data float.npy --features a", "--features has no meaning for 'float.npy'"),
    ("apus data three.npz --ngrams 2", "--ngrams has no meaning for 'three.npz'"),
    ("apus data commas.csv --color gray", "--color has no meaning for 'commas.csv'"),
    ("apus train classes.graph --data three.npz --class-weight 3=2", "names '3', which is not a class"),
    ("apus train classes.graph --data three.npz --class-weight ''", "is not class=weight"),
    ("apus train classes.graph --data three.npz --print-every 3", "--print-every is for --print"),
    ("apus reduce line.graph --check 'sleep 5; false' --timeout 0.2", "took longer than 0.2 s"),
    ("apus plot activations relu -o relu.gif", "a name that ends in .svg"),
    ("apus report line.graph -o page.html --seed 1", "--input and --seed go with --values"),
    // What is not given is random in any case.
    ("apus report line.graph -o page.html --values --random", "Unknown option '--random'"),
  ]

  @Test(arguments: refused) func isRefused(_ line: String, _ message: String) throws {
    let result = try run(line)
    #expect(result.status != 0 && !result.wasSignalled && result.errors.contains(message), "\(line): \(result.errors)")
  }

  static let taken = [
    "apus data three.npz --image-size 1,5",
    "apus data commas.csv --categories size",
    "apus train classes.graph --data three.npz --class-weight 2=3 --verbose silent",
    "apus opt - --gradient --validate < line.graph",
    "apus train pictures.graph --data pictures.npz --target y --features x --verbose silent --save saved "
      + "&& apus predict saved bytes.npy float.npy --grid both.svg "
      + "&& apus predict saved float.npy bytes.npy --grid both.png",
  ]

  @Test(arguments: taken) func isTaken(_ line: String) throws {
    let result = try run(line)
    #expect(result.status == 0, "\(line): \(result.errors)")
  }

  /// A pass over three samples is three samples, however large a batch may be.
  @Test(arguments: [(1, 3), (2, 6), (50, 150)]) func samplesOfStepsAreThoseTrainedOn(_ steps: Int, _ samples: Int)
    throws
  {
    let result = try run(
      "apus train classes.graph --data three.npz --steps-per-epoch \(steps) --json --verbose silent")
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any], "\(result.errors)")
    let (rate, seconds) = (object["samples_per_s"] as? Double ?? 0, object["seconds"] as? Double ?? 0)
    #expect(abs(rate * seconds - Double(samples)) < 1e-6 * Double(samples), "\(rate * seconds)")
  }
}
