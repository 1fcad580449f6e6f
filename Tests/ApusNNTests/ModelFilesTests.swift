import Apus
import Foundation
import TestSupport
import Testing

/// The files in Graphs/Models are what the layers build.
@Suite struct ModelFilesTests {
  @Test(arguments: ModelZoo.all.map(\.name)) func fileIsCurrent(_ name: String) throws {
    let entry = try #require(ModelZoo.all.first { $0.name == name })
    let path = "Graphs/Models/\(name).graph"
    let text = try ModelZoo.text(entry)
    // Set APUS_UPDATE to write the files anew.
    if ProcessInfo.processInfo.environment["APUS_UPDATE"] != nil {
      try text.write(to: Repository.file(path), atomically: true, encoding: .utf8)
    }
    #expect(try Repository.text(path) == text, "run the tests with APUS_UPDATE=1 to write \(path) anew")
  }

  /// The numbers that the models have elsewhere: published for VGG16, counted in torchvision and Keras for the others.
  @Test(arguments: [
    ("mlp", 101_770, 0), ("lenet5", 61_706, 0), ("vgg16", 138_357_544, 0), ("resnet50", 25_557_032, 53_120),
    ("mobilenet_v2", 3_504_872, 34_112),
  ]) func parametersAreCounted(_ name: String, _ trainable: Int, _ others: Int) throws {
    let entry = try #require(ModelZoo.all.first { $0.name == name })
    let model = try entry.make()
    #expect(model.trainableParameterCount == trainable)
    #expect(model.parameterCount == trainable + others)
    #expect(entry.summary.replacing(",", with: "").contains("\n// \(trainable) parameters"), "\(entry.summary)")
    // The graph of the file says the same.
    let variables = try Graph.parse(Repository.text("Graphs/Models/\(name).graph"))[0].variables.map(\.declaration)
    func count(trainable: Bool) -> Int {
      variables.filter { $0.trainable == trainable }.reduce(0) { $0 + ($1.type.shape.elementCount ?? 0) }
    }
    #expect(count(trainable: true) == trainable)
    #expect(count(trainable: false) == others)
  }
}
