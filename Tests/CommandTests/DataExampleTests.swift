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
    let matrix = try trainer.confusionMatrix(test.inputs, test.targets)
    print(matrix, matrix.recall(of: 0) ?? .nan)
    #expect(matrix.classNames == ["daisy", "poppy", "tulip"] && matrix.sampleCount == 12)
    #expect(matrix.accuracy == (try trainer.evaluate(test.inputs, test.targets)["accuracy"]))
    #expect(try #require(trainer.evaluate(test.inputs, test.targets)["accuracy"]) > 0.8)
    // A saved model keeps both.
    let folder = try TemporaryFolder()
    try trainer.save(to: folder.file("saved"))
    let resumed = try Trainer.resumed(from: folder.file("saved"))
    #expect(resumed.inputEncoding == data.encoding && resumed.classNames == ["daisy", "poppy", "tulip"])
  }
  @Test func reviews() throws {
    let path = Repository.file("Docs/Examples/reviews.csv").path
    var choices = DataChoices()
    (choices.target, choices.textColumn) = ("opinion", "review")
    let data = try DataReader.load(path, choices)
    let (reviews, opinions) = (try #require(data.train.texts), data.train.targets)
    #expect(reviews.count == 16 && data.classNames == ["liked", "not"])

    var vectorization = TextVectorization(maxTokens: 50, outputSequenceLength: 8)
    try vectorization.adapt(reviews)
    let model = try Sequential(input: [8], dtype: .i32) {
      Embedding(50, 16)
      GlobalAveragePooling1D()
      Dense(2, activation: .softmax)
    }
    let trainer = try model.compile(optimizer: .adam(learningRate: 0.05), loss: .sparseCategoricalCrossEntropy)
    trainer.inputEncoding = InputEncoding(texts: vectorization)
    try trainer.fit(vectorization(reviews), opinions, epochs: 20, verbose: .silent)
    let scores = try trainer.predict(vectorization(["A great cast, but weak and dull."]))
    #expect(scores.dimensions == [1, 2])
    let matrix = try trainer.confusionMatrix(vectorization(reviews), opinions)
    #expect(matrix.accuracy == 1 && matrix.classNames == ["0", "1"], "\(matrix)")
    // A saved model keeps the words.
    let folder = try TemporaryFolder()
    try trainer.save(to: folder.file("saved"))
    #expect(try Trainer.resumed(from: folder.file("saved")).inputEncoding?.texts == vectorization)
  }
}
