import Apus
import Foundation
import TestSupport
import Testing

/// Samples that are read while they are trained on, on the command line: `--stream`.
@Suite struct StreamCommandTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    for name in ["classes.graph", "line.graph"] {
      _ = try folder.write(try #require(DataFolder.graphs[name]), as: name)
    }
    let x = try Tensor((0..<500).map { Float(($0 * 7) % 13) }, [100, 5])
    try NPY.write(x, to: folder.file("x.npy"))
    try NPY.write(Tensor((0..<100).map { Int64($0 * $0 % 3) }), to: folder.file("y.npy"))
    try NPY.write(Tensor((0..<100).map { Float($0 % 4) }), to: folder.file("w.npy"))
    try NPZ.write([("x", x)], to: folder.file("data.npz"))
  }

  private func run(_ line: String) throws -> ProgramResult {
    try runProgram(arguments: line.split(separator: " ").map(String.init), in: URL(fileURLWithPath: folder.path))
  }

  private func train(_ options: String, save: String) throws -> Trainer {
    let result = try run(
      "train classes.graph --data x.npy --target y.npy --verbose silent --seed 3 --save \(save) \(options)")
    try #require(result.status == 0, "\(result.errors)")
    return try Trainer.resumed(from: folder.file(save))
  }

  @Test(arguments: ["", "--sample-weight w.npy", "--steps-per-epoch 5 --batch 8", "--validation-batch 7"])
  func inTheOrderOfTheFileItIsTheSame(_ options: String) throws {
    let all = "--epochs 3 --validation-split 0.2 --no-shuffle " + options
    let (streamed, whole) = (try train(all + " --stream", save: "streamed"), try train(all, save: "whole"))
    #expect(streamed.weights.map(\.value) == whole.weights.map(\.value))
    #expect(streamed.history["val_loss"] == whole.history["val_loss"])
    #expect(streamed.loss.name == "sparse_categorical_crossentropy")
  }

  @Test func aTrainingThatGoesOnStreamsOn() throws {
    let whole = try train("--stream --epochs 4 --batch 8 --sample-weight w.npy", save: "whole")
    _ = try train("--stream --epochs 2 --batch 8 --sample-weight w.npy", save: "half")
    let more = try run("train half --resume half --data x.npy --target y.npy --epochs 4 --verbose silent --save half")
    #expect(more.status == 0, "\(more.errors)")
    #expect(try Trainer.resumed(from: folder.file("half")).weights.map(\.value) == whole.weights.map(\.value))
    _ = try train("--epochs 1", save: "memory")
    let other = try run("train memory --resume memory --data x.npy --target y.npy --epochs 2 --stream")
    #expect(other.status == 2 && other.errors.contains("goes on with samples in memory, but --stream says"))
  }

  @Test func evaluationStreams() throws {
    _ = try train("--epochs 2", save: "saved")
    for weights in ["", " --sample-weight w.npy"] {
      let line = "evaluate saved --data x.npy --target y.npy --batch 25 --json" + weights
      let (whole, streamed) = (try run(line), try run(line + " --stream"))
      #expect(whole.status == 0 && streamed.status == 0, "\(streamed.errors)")
      #expect(whole.output == streamed.output)
    }
  }

  @Test(arguments: [
    ("train classes.graph --data data.npz --stream", "--stream reads arrays, and 'data.npz' is of another kind"),
    ("train classes.graph --stream", "'fashion-mnist' is a named data set"),
    ("train classes.graph --data x.npy --stream", "--data FILE.npy --target FILE.npy"),
    (
      "train classes.graph --data x.npy --target y.npy --stream --test-split 0.2",
      "--test-split needs all samples at once"
    ),
    ("train classes.graph --data x.npy --target y.npy --stream --mix", "--mix needs all samples at once"),
    (
      "train classes.graph --data x.npy --target y.npy --stream --class-weight 1=2",
      "--class-weight needs samples in memory"
    ),
    (
      "train classes.graph --data x.npy --target y.npy --stream --validation-data x.npy",
      "--validation-data needs samples"
    ),
    ("train classes.graph --data x.npy --target y.npy --stream --normalize", "--normalize has no meaning for 'x.npy'"),
    (
      "evaluate saved --data x.npy --target y.npy --stream --confusion-matrix",
      "--confusion-matrix needs all samples at once"
    ),
  ]) func whatNeedsAllSamplesIsRefused(_ line: String, _ message: String) throws {
    let result = try run(line)
    #expect(result.status == 2 && result.errors.contains(message), "\(result.status): \(result.errors)")
  }

  @Test(arguments: [
    (
      "train line.graph --data x.npy --target y.npy --stream", "the model's input is [2] a sample, but the data has [5]"
    ),
    ("train classes.graph --data y.npy --target x.npy --stream", "the model's input is [5] a sample"),
    ("train classes.graph --data x.npy --target y.npy --stream --sample-weight none.npy", "does not exist"),
    ("train classes.graph --data none.npy --target y.npy --stream", "none.npy: the file or folder does not exist"),
  ]) func whatDoesNotFitIsNamed(_ line: String, _ message: String) throws {
    let result = try run(line)
    #expect(result.status == 1 && result.errors.contains(message), "\(result.status): \(result.errors)")
  }
}
