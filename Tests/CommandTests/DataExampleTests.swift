import Apus
import TestSupport
import Testing

/// The example of Docs/Data.md.
@Suite struct DataExampleTests {
  @Test func flowers() throws {
    let path = Repository.file("Docs/Examples/flowers.csv").path
    var choices = DataChoices()
    choices.target = "species"
    choices.missing = .mean
    choices.normalizes = true
    choices.mixes = true
    choices.testFraction = 0.2
    let data = try DataReader.load(path, choices)

    let model = try Sequential(input: [5]) { Dense(3, activation: .softmax) }
    let trainer = try model.compile(
      optimizer: .adam(learningRate: 0.1), loss: .sparseCategoricalCrossEntropy, metrics: [.accuracy])
    // Kept with the model: `apus predict` then reads tables as they were read here.
    trainer.classNames = data.classNames
    trainer.inputEncoding = data.encoding
    try trainer.fit(data.train.inputs, data.train.targets, epochs: 20, verbose: .silent)

    let new = try DataReader.samples(path, encoding: trainer.inputEncoding, classNames: trainer.classNames)
    let scores = try trainer.predict(new.inputs)
    #expect(scores.dimensions == [60, 3])
    let test = try #require(data.test)
    #expect(test.count == 12)
    #expect(try #require(trainer.evaluate(test.inputs, test.targets)["accuracy"]) > 0.8)
    // A saved model keeps both.
    let folder = try TemporaryFolder()
    try trainer.save(to: folder.file("saved"))
    let resumed = try Trainer.resumed(from: folder.file("saved"))
    #expect(resumed.inputEncoding == data.encoding && resumed.classNames == ["daisy", "poppy", "tulip"])
  }
}
