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

  /// The numbers that the models have elsewhere: published for VGG16, counted in torchvision and Keras for the others, and in
  /// PyTorch's own layers for the transformers.
  @Test(arguments: [
    ("mlp", 101_770, 0), ("lenet5", 61_706, 0), ("vgg16", 138_357_544, 0), ("resnet50", 25_557_032, 53_120),
    ("mobilenet_v2", 3_504_872, 34_112), ("text", 16_306, 0), ("encoder", 16_870_400, 0), ("gpt", 3_225_184, 0),
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

  /// Where images are halved: torchvision's ResNet-50 does so in the convolutions of 3 × 3.
  @Test func imagesAreHalvedWhereTheyShould() throws {
    func shapes(_ name: String) throws -> [String: [Int]] {
      let entry = try #require(ModelZoo.all.first { $0.name == name })
      return Dictionary(
        uniqueKeysWithValues: try entry.make().summaryTable.rows.map {
          ($0.name, $0.outputShapes[0].compactMap(\.self))
        })
    }
    let resnet = try shapes("resnet50")
    #expect(resnet["conv1_conv"] == [112, 112, 64])
    #expect(resnet["pool1"] == [56, 56, 64])
    #expect(resnet["conv2_block3_out"] == [56, 56, 256])
    #expect(resnet["conv3_block1_1_conv"] == [56, 56, 128])
    #expect(resnet["conv3_block1_2_conv"] == [28, 28, 128])
    #expect(resnet["conv3_block1_0_conv"] == [28, 28, 512])
    #expect(resnet["conv5_block3_out"] == [7, 7, 2048])
    let mobile = try shapes("mobilenet_v2")
    #expect(mobile["conv1"] == [112, 112, 32])
    #expect(mobile["block_0_project"] == [112, 112, 16])
    #expect(mobile["block_1_expand"] == [112, 112, 96])
    #expect(mobile["block_1_depthwise"] == [56, 56, 96])
    #expect(mobile["block_16_project"] == [7, 7, 320])
    #expect(mobile["conv_last"] == [7, 7, 1280])
    #expect(mobile.keys.filter { $0.hasSuffix("_add") }.count == 10)
  }
}
