import Apus
import TestSupport
import Testing

/// `Graph.summary`: Keras's tables of graph files.
@Suite struct GraphSummaryTests {
  private static func model(_ name: String) throws -> Graph {
    try GraphFile.load(Repository.file("Graphs/Models/\(name).graph").path)[0]
  }

  /// Counts of the published networks; those of the recurrent ones by hand: four gates of (28 + 128 + 1) · 128 weights and
  /// three of them with two biases, and 128 · 10 + 10.
  @Test(arguments: [
    ("mlp", "101,770", "0"), ("lenet5", "61,706", "0"), ("vgg16", "138,357,544", "0"),
    ("resnet50", "25,557,032", "53,120"), ("lstm", "81,674", "0"), ("gru", "61,962", "0"),
  ])
  func parametersAreCounted(_ name: String, _ trainable: String, _ fixed: String) throws {
    let text = try Self.model(name).summary()
    #expect(text.contains(" Trainable params: \(trainable) ("), "\(text)")
    #expect(text.contains(" Non-trainable params: \(fixed) ("))
  }

  /// Flatten, 128, 10, as Keras prints it.
  @Test func aChainHasThreeColumns() throws {
    let lines = try Self.model("mlp").summary(style: .classic).split(separator: "\n").map(String.init)
    #expect(lines[0] == "Model: \"mlp\"")
    #expect(lines[1] == String(repeating: "_", count: 65))
    #expect(lines[2] == "Layer (type)                 Output Shape              Param #   ")
    #expect(lines[3] == String(repeating: "=", count: 65))
    #expect(lines.contains("hidden (matmul)              (None, 128)               100480    "))
    #expect(lines.contains("output (matmul)              (None, 10)                1290      "))
    #expect(lines.contains("Total params: 101,770"))
  }

  @Test func branchesSayWhatTheyRead() throws {
    let text = try Self.model("resnet50").summary()
    #expect(text.contains("Connected to"))
    #expect(text.contains("│ input (InputLayer)            │ (None, 224, 224, 3)       │               0 │ -  "))
    // Both arms of the first block read what was pooled; the sum reads both.
    let row = text.split(separator: "\n").firstIndex { $0.contains("conv2_block1_add (add)") }
    let lines = text.split(separator: "\n")
    let start = try #require(row)
    #expect(lines[start].contains("conv2_block1_0_bn[0][0],"))
    #expect(lines[start + 1].contains("conv2_block1_3_bn[0][0]"))
    #expect(text.split(separator: "\n").filter { $0.contains("pool1[0][0]") }.count == 2)
  }
}
