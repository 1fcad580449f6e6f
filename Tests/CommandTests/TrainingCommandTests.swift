import Apus
import Foundation
import TestSupport
import Testing

/// What `apus train` says of training that went wrong, what it goes on with, and what `predict` calls things.
@Suite struct TrainingCommandTests {
  private let data: [String]
  private let folder: TemporaryFolder

  init() throws {
    data = ["--data", try ExampleFolder.shared.get().appendingPathComponent("tiny").path, "--verbose", "silent"]
    folder = try TemporaryFolder()
    _ = try folder.write(Repository.text("Graphs/Models/mlp.graph"), as: "mlp.graph")
  }

  private func train(_ words: String) throws -> ProgramResult { try run("train \(words)", data) }

  private func run(_ words: String, _ more: [String] = []) throws -> ProgramResult {
    try runProgram(
      arguments: words.split(separator: " ").map(String.init) + more, in: URL(fileURLWithPath: folder.path))
  }

  /// Exit code 1, the first step and its operator; the good model that is there stays.
  @Test func aModelOfNaNsDoesNotReplaceAGoodOne() throws {
    #expect(try train("mlp.graph --save model").status == 0)
    let before = try folder.bytes("model/weights.safetensors")
    let wild = "mlp.graph --epochs 3 --optimizer sgd(learning_rate=1e30) --save model"
    let stopped = try train(wild)
    #expect(stopped.status == 1 && stopped.errors.contains("the loss is nan in step 2, batch 1 of epoch 2"))
    let explained = try train(wild + " --on-nan explain")
    #expect(explained.status == 1 && explained.errors.contains("operator 'matmul' of layer 'output' makes"))
    let terminated = try train(wild + " --callbacks terminate_on_nan")
    #expect(terminated.status == 1 && terminated.errors.contains("the loss is nan"), "\(terminated.errors)")
    #expect(try folder.bytes("model/weights.safetensors") == before)
    #expect(try train(wild + " --on-nan continue").status == 0)
    #expect(try folder.bytes("model/weights.safetensors") != before)
  }

  /// The rate that is given is the rate that is used and recorded, not the saved one.
  @Test func retrainingBeginsAnew() throws {
    #expect(try train("mlp.graph --optimizer sgd(learning_rate=0.25) --epochs 2 --save model").status == 0)
    for optimizer in ["sgd(learning_rate=0.5)", "adam"] {
      #expect(try train("model --optimizer \(optimizer) --save other").status == 0)
      let trainer = try Trainer.resumed(from: folder.file("other"))
      #expect(trainer.specificationIsTrue && trainer.optimizer.name == String(optimizer.prefix { $0 != "(" }))
      #expect(trainer.stepCount == 1 && trainer.history.epochs == [0])
    }
    // Nothing said: the saved optimizer with its settings, but from the first step on.
    #expect(try train("model --save again").status == 0)
    let again = try Trainer.resumed(from: folder.file("again"))
    #expect(again.learningRate == 0.25 && again.stepCount == 1, "\(again.optimizer.specification)")
  }

  /// Everything goes on without being said again: the bytes are those of one training.
  @Test func resumingGoesOnWithEverything() throws {
    let options = "--optimizer adam(learning_rate=0.01) --batch 3 --validation-split 0.25 --no-shuffle --seed 4"
    #expect(try train("mlp.graph --epochs 4 --save whole " + options).status == 0)
    #expect(try train("mlp.graph --epochs 2 --save part " + options).status == 0)
    let resumed = try train("part --resume part --epochs 4 --save part")
    #expect(resumed.status == 0, "\(resumed.errors)")
    #expect(try folder.bytes("whole/weights.safetensors") == folder.bytes("part/weights.safetensors"))
    let done = try train("part --resume part --epochs 4")
    #expect(done.status == 0 && done.errors.contains("'part' has 4 epochs already"))
  }

  /// A binary model: its saved loss is the one that `evaluate` measures by, and its outputs are a yes or a no.
  @Test func aBinaryModelSaysYesOrNo() throws {
    let graph = """
      graph @binary(%input: u8[batch, 28, 28]) {
        %x = cast(%input, dtype: f32) from "cast"
        %flat: f32[batch, 784] = reshape(%x, shape: [batch, 784]) from "flatten"
        %kernel: f32[784, 1] = variable(zeros) from "output"
        %logit = matmul(%flat, %kernel) from "output"
        %y = sigmoid(%logit) from "output"
        return %y
      }
      """
    _ = try folder.write(graph, as: "binary.graph")
    let trained = try train("binary.graph --loss mse --metrics mae --epochs 0 --save binary")
    #expect(trained.status == 0, "\(trained.errors)")
    let evaluated = try run("evaluate binary --json", Array(data.prefix(2)))
    #expect(evaluated.output.contains("\"mean_absolute_error\":"), "\(evaluated.output) \(evaluated.errors)")
    let predicted = try run("predict binary --first 1", Array(data.prefix(2)))
    #expect(predicted.output == "tiny  0 no  0.5000  right\n", "\(predicted.output) \(predicted.errors)")
  }

  /// Classes have the names of the model's own data, not of `--data`'s default.
  @Test func classesHaveTheModelsNames() throws {
    #expect(try train("mlp.graph --epochs 0 --save model").status == 0)
    let image = try ExampleFolder.shared.get().appendingPathComponent("u8.npy").path
    let nameless = try run("predict model", [image])
    #expect(nameless.status == 0 && !nameless.output.contains { $0.isLetter && $0.isUppercase }, "\(nameless.output)")
    let trainer = try Trainer.resumed(from: folder.file("model"))
    trainer.classNames = (0..<10).map { "class-\($0)" }
    try trainer.save(to: folder.file("model"))
    #expect(try run("predict model", [image]).output.contains(" class-"))
  }

  /// Saves that are killed and disks that fill: the script says what it looks at.
  @Test func killedSavesLeaveAModel() throws {
    let result = try runProgram(
      Repository.file("Tests/SaveTests/run.sh"), arguments: [Repository.program.path], limit: 300)
    #expect(result.status == 0, "\(result.output)\(result.errors)")
    #expect(result.output.contains("ok: 20 killed saves") && result.output.contains("ok: a full disk"))
  }
}

extension Trainer {
  /// Whether the learning rate is the one that the optimizer's settings tell.
  fileprivate var specificationIsTrue: Bool {
    optimizer.options.learningRate.constant.map(Float.init) == Float(learningRate)
  }
}
