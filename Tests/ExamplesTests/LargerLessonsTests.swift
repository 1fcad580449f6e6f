import Apus
import Foundation
import TestSupport
import Testing

/// The lessons that compare networks, and those of sequences, in their short forms.
@Suite struct LargerLessonsTests {
  /// Keras's count of VGG16's parameters. Random weights give each of a thousand classes about as much.
  @Test func vgg16() throws {
    let run = try LessonRun("vgg16")
    try run.expect("parameters:", [138_357_544])
    try run.expect("sum of the probabilities:", [1])
    let best = try #require(run.output.firstMatch(of: #/class \d+: (?<probability>[\d.]+)/#))
    #expect(try #require(Double(best.probability)) < 0.01)
  }

  /// Weights of a folder are used: all are 0 but for a bias, by which softmax is known.
  @Test func vgg16WithWeights() throws {
    var tensors: [(name: String, tensor: Tensor)] = []
    func layer(_ name: String, _ kernel: [Int], bias: [Float]? = nil) throws {
      tensors.append(("\(name)/kernel", try Tensor(zeros: .f32, kernel)))
      tensors.append(("\(name)/bias", Tensor(bias ?? [Float](repeating: 0, count: kernel.last ?? 0))))
    }
    var channels = 3
    for (block, (filters, count)) in [(8, 2), (16, 2), (32, 3), (64, 3), (64, 3)].enumerated() {
      for number in 1...count {
        try layer("block\(block + 1)_conv\(number)", [3, 3, channels, filters])
        channels = filters
      }
    }
    try layer("fc1", [64, 512])
    try layer("fc2", [512, 512])
    var bias = [Float](repeating: 0, count: 1000)
    bias[7] = 5
    try layer("predictions", [512, 1000], bias: bias)
    let folder = try TemporaryFolder()
    try SafeTensors(tensors).write(to: folder.file("weights.safetensors"))
    let run = try LessonRun("vgg16", "--weights", folder.path)
    // e⁵ / (e⁵ + 999)
    try run.expect("class 7:", [0.1293])
  }

  @Test func regularization() throws {
    let run = try LessonRun("regularization")
    var lines: Set<[Double]> = []
    for remedy in ["none", "augmentation", "dropout", "batch norm", "L2"] {
      let numbers = try run.numbers(after: "\(remedy): training accuracy")
      #expect(numbers.count == 3 && numbers.prefix(2).allSatisfy { $0 > 0.8 }, "\(remedy): \(numbers)")
      lines.insert(numbers)
    }
    #expect(lines.count == 5, "each is another network: \(run.output)")
  }

  /// Made-up images are no place for a gain: what is checked is that weights arrive, and that training goes on from them.
  @Test func transfer() throws {
    let run = try LessonRun("transfer")
    let (all, few) = (try run.numbers(after: "first task, "), try run.numbers(after: "fine-tuned, "))
    #expect(few[0] < all[0] / 8 && few[1] > 0.4, "\(run.output)")
    let layers = ["conv1", "conv2", "hidden"].flatMap { ["\($0)/kernel", "\($0)/bias"] }.joined(separator: ", ")
    #expect(run.output.contains("weights taken: \(layers)\n"), "\(run.output)")
    #expect(run.output.contains("weights new: output/kernel, output/bias\n"), "\(run.output)")
    try run.expect("first task, 584 images: test accuracy", above: 0.95)
    try run.expect("from scratch, 62 images: test accuracy", above: 0.9)
  }

  @Test func capsules() throws {
    let run = try LessonRun("capsules")
    // (3, 4) has length 5: 25 / 26 of its direction.
    try run.expect("(3, 4), of length 5, squashed:", [0.5769, 0.7692])
    try run.expect("test accuracy", above: 0.6)
    let lengths = try run.numbers(after: "lengths for the first image:")
    #expect(lengths.count == 10 && lengths.allSatisfy { (0..<1).contains($0) })
  }

  /// Parameters as Keras counts them: (28 + 32 + 1) · 32 a gate, and for GRU a bias more; 330 of the dense layer.
  @Test func rows() throws {
    let run = try LessonRun("rows")
    for (name, parameters) in [("rnn", 2282), ("lstm", 8138), ("gru", 6282)] {
      #expect(run.output.contains("\(name): \(parameters) parameters"), "\(run.output)")
      try run.expect("\(name): \(parameters) parameters, test accuracy:", above: 0.7)
    }
  }

  @Test func memory() throws {
    let run = try LessonRun("memory")
    // Which gated network gets there first depends on rounding.
    let gated = try ["lstm", "gru"].map { try run.numbers(after: "\($0): test accuracy")[0] }
    #expect(gated.max() ?? 0 > 0.9, "\(run.output)")
    #expect(try run.numbers(after: "rnn: test accuracy")[0] < 0.6, "\(run.output)")
  }

  /// A bag of words cannot know what "not" belongs to; gated networks can.
  @Test func sentiment() throws {
    let run = try LessonRun("sentiment")
    #expect(try run.numbers(after: "bag of words: test accuracy")[0] < 0.75)
    for gated in ["lstm", "gru"] {
      let part = try #require(run.output.firstRange(of: "\(gated): test accuracy"))
      let lines = run.output[part.upperBound...].split(separator: "\n").prefix(4)
      let numbers = lines.compactMap { $0.split(separator: " ").last.flatMap { Double($0) } }
      #expect(numbers.count == 4 && numbers[0] > 0.9, "\(lines)")
      #expect(numbers[1] > 0.9 && numbers[2] < 0.1 && numbers[3] > 0.9, "\(lines)")
    }
  }

  /// What was learned by heart is written on.
  @Test func transformer() throws {
    let run = try LessonRun("transformer")
    #expect(run.output.contains("408 characters, 16 different ones"))
    #expect(try run.numbers(after: "training loss a character:")[0] < 0.3)
    let written = try #require(run.output.firstMatch(of: #/written: (?<text>.{44})/#))
    let text = String(repeating: "The swift flies high. The swift sleeps in the air. ", count: 3)
    #expect(text.contains(written.text.prefix(22)), "\(written.text)")
  }

  @Test func aMissingTextIsSaid() throws {
    let program = Repository.products.appendingPathComponent("apus-course")
    let folder = try TemporaryFolder()
    let result = try runProgram(
      program, arguments: ["transformer"], in: URL(fileURLWithPath: folder.path))
    #expect(
      result.status == 1 && result.errors.contains("help: run the lesson in the project's folder"), "\(result.errors)")
  }
}
