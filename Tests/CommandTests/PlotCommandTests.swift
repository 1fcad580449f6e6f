import Apus
import Foundation
import TestSupport
import Testing

/// Pictures and transfer learning from the command line.
@Suite struct PlotCommandTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    let layers = """
        %0: f32[batch, 8, 8, 1] = cast(%input, dtype: f32) from "rescaling"
        %s: f32 = constant(0.004) from "rescaling"
        %1: f32[batch, 8, 8, 1] = multiply(%0, %s) from "rescaling"
        %conv1/kernel: f32[3, 3, 1, 4] = variable(glorot_uniform) from "conv1"
        %2: f32[batch, 6, 6, 4] = convolution(%1, %conv1/kernel) from "conv1"
        %3: f32[batch, 6, 6, 4] = relu(%2) from "conv1"
        %4: f32[batch, 144] = reshape(%3, shape: [batch, 144]) from "flatten"
      """
    for (name, classes) in [("output", 2), ("head", 3)] {
      _ = try folder.write(
        """
        graph @\(name)(%input: u8[batch, 8, 8, 1]) {
        \(layers)
          %\(name)/kernel: f32[144, \(classes)] = variable(glorot_uniform) from "\(name)"
          %5: f32[batch, \(classes)] = matmul(%4, %\(name)/kernel) from "\(name)"
          %6: f32[batch, \(classes)] = softmax(%5) from "\(name)"
          return %6
        }

        """, as: "\(name).graph")
    }
    _ = try folder.write(
      """
      graph @points(%input: f32[batch, 2]) {
        %dense/kernel: f32[2, 2] = variable(glorot_uniform) from "dense"
        %1: f32[batch, 2] = matmul(%input, %dense/kernel) from "dense"
        %2: f32[batch, 2] = softmax(%1) from "dense"
        return %2
      }

      """, as: "points.graph")
    _ = try folder.write("width,height,kind\n1,2,<a>\n2,1,b\n1,3,<a>\n3,1,b\n", as: "points.csv")
    for (name, classes) in [("two", 2), ("three", 3)] {
      let pixels = (0..<12 * 64).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ $0 / 64 % classes * 50) }
      try NPZ.write(
        [
          (name: "x", tensor: try Tensor(pixels, [12, 8, 8])),
          (name: "y", tensor: Tensor((0..<12).map { UInt8($0 % classes) })),
        ], to: folder.file("\(name).npz"))
    }
    try succeed("train output.graph --data two.npz --epochs 2 --verbose silent --save base")
  }

  private func run(_ line: String) throws -> ProgramResult {
    try runProgram(
      arguments: line.split(separator: " ").map(String.init), in: URL(fileURLWithPath: folder.path))
  }

  @discardableResult private func succeed(_ line: String) throws -> String {
    let result = try run(line)
    #expect(result.status == 0, "\(line): \(result.errors)")
    return result.output
  }

  private func fail(_ line: String, _ messages: String..., status: Int32 = 1) throws {
    let result = try run(line)
    #expect(result.status == status, "\(line): status \(result.status)")
    for message in messages { #expect(result.errors.contains(message), "\(result.errors)") }
  }

  // MARK: Pictures

  @Test func picturesAreWrittenAndTheSameEachTime() throws {
    try succeed("train points.graph --data points.csv --target kind --verbose silent --save points")
    for (line, file, part) in [
      ("plot history base points", "a.svg", ">points</text>"), ("plot history base", "a.svg", ">loss</text>"),
      ("plot model output.graph", "a.svg", ">conv1</text>"), ("plot activations relu tanh", "a.svg", ">tanh</text>"),
      ("plot regions points --data points.csv", "a.svg", ">&lt;a&gt;</text>"),
      ("plot filters base --layer conv1", "a.png", ""),
      ("predict base --data two.npz --first 1 --layer conv1", "a.png", ""),
    ] {
      try succeed("\(line) -o \(file)")
      let first = try folder.bytes(file)
      try succeed("\(line) -o \(file)")
      #expect(try folder.bytes(file) == first, "\(line)")
      if !part.isEmpty { #expect(try folder.text(file).contains(part), "\(line)") }
      if file == "a.png" { #expect(try PNG.read(folder.file(file)).dimensions[2] == 1, "\(line)") }
    }
  }

  /// Four channels of 6 × 6, each pixel 10 times, in two rows with gaps of 4; or their numbers.
  @Test func whatALayerMakes() throws {
    try succeed("predict base --data two.npz --first 3 --layer conv1 -o maps.png")
    #expect(try PNG.read(folder.file("maps.png")).dimensions == [132, 132, 1])
    try succeed("predict base --data two.npz --first 3 --layer conv1 -o maps.npy")
    #expect(try NPY.read(folder.file("maps.npy")).dimensions == [3, 6, 6, 4])
    try fail(
      "predict base --data two.npz --layer conv2 -o maps.png", "no layer 'conv2'", "rescaling, conv1, flatten, output")
    try fail("predict base --data two.npz --layer output -o maps.png", "no channels to draw")
    try fail("predict base --data two.npz --layer conv1", "--layer writes to --output", status: 2)
    try fail("predict base --data two.npz --layer conv1 -o maps.svg", "a name that ends in .npy or .png", status: 2)
  }

  @Test func predictionsAreDrawn() throws {
    let lines = try succeed("predict base --data two.npz --grid grid.svg").split(separator: "\n")
    let svg = try folder.text("grid.svg")
    let wrong = lines.count { $0.contains("wrong") }
    #expect(svg.ranges(of: "<image").count == 12)
    #expect(svg.ranges(of: "text-anchor=\"middle\" fill=\"#D55E00\"").count == wrong)
    #expect(svg.ranges(of: "text-anchor=\"middle\" fill=\"#0072B2\"").count == 12 - wrong)
    try succeed("predict base --data two.npz --grid grid.png")
    #expect(try PNG.read(folder.file("grid.png")).dimensions[2] == 3)
  }

  @Test func whatCannotBeDrawn() throws {
    try fail("plot model output.graph -o model.png", "a name that ends in .svg", status: 2)
    try fail("plot filters base --layer flatten -o a.png", "no layer 'flatten' with filters", "conv1")
    try fail("plot history output.graph -o a.svg", "is not a folder with a saved model")
    try fail("plot regions base --data two.npz -o a.svg", "samples of two numbers")
    try fail("plot activations reluu -o a.svg", "did you mean 'relu'?", status: 2)
    try fail("plot model output.graph -o nowhere/a.svg", "there is no folder 'nowhere'")
    // What is drawn in a terminal is not drawn elsewhere.
    let live = try run("train output.graph --data two.npz --live")
    #expect(live.status == 0 && live.errors.contains("--live draws in a terminal") && !live.output.contains("\u{1B}"))
  }

  // MARK: Transfer learning

  @Test func weightsAreTakenAndFrozen() throws {
    let said = try succeed("train head.graph --data three.npz --weights base --freeze conv* --epochs 2 --save head")
    #expect(said.contains("weights taken: conv1/kernel\nweights new: head/kernel\nweights not used: output/kernel\n"))
    #expect(said.contains("frozen: conv1\n"))
    func weight(_ model: String, _ name: String) throws -> Tensor? {
      try SafeTensors(contentsOf: folder.file("\(model)/weights.safetensors")).tensors.first { $0.name == name }?.tensor
    }
    let kernel = try weight("base", "conv1/kernel")
    #expect(try kernel != nil && weight("head", "conv1/kernel") == kernel)
    // The whole of it, with a low rate; without --weights nothing is taken.
    try succeed(
      "train head.graph --data three.npz --weights head --optimizer sgd(learning_rate=1e-4) --verbose silent --save tuned"
    )
    #expect(try weight("tuned", "conv1/kernel") != kernel)
    try succeed("train head.graph --data three.npz --epochs 0 --verbose silent --save new")
    #expect(try weight("new", "conv1/kernel") != kernel)
    // A saved model is tuned in the same way.
    try succeed("train base --data two.npz --freeze output --verbose silent --save again")
    #expect(try weight("again", "output/kernel") == weight("base", "output/kernel"))
    #expect(try weight("again", "conv1/kernel") != kernel)
  }

  @Test func transfersThatCannotBe() throws {
    let train = "train head.graph --data three.npz"
    try fail("\(train) --freeze cnv*", "no layer with weights fits 'cnv*'", "layers with weights: conv1, head")
    try fail("\(train) --freeze *", "nothing is left to train")
    try fail("\(train) --weights points.csv", "is not a folder with a saved model")
    try fail(
      "train points.graph --data points.csv --target kind --weights base", "no weight of", "dense/kernel f32[2, 2]")
    try fail("train base --data two.npz --weights base", "has weights of its own", status: 2)
    try fail("train base --resume base --freeze conv1", "--freeze begins a training", status: 2)
  }
}
