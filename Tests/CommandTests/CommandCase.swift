import Apus
import Foundation
import TestSupport
import Testing

/// A command line, run in `ExampleFolder`, and what it must say.
struct CommandCase: Sendable, CustomTestStringConvertible {
  let arguments: [String]
  let message: String
  let bytes: [UInt8]?

  /// - Parameter line: words after `apus`, separated by blanks; `''` is an empty one.
  init(_ line: String, _ message: String, input: String? = nil) {
    arguments = line.split(separator: " ").map { $0 == "''" ? "" : String($0) }
    self.message = message
    bytes = input.map { Array($0.utf8) }
  }

  var testDescription: String { "apus " + arguments.joined(separator: " ") }

  /// The command is refused: on standard error only, with the message.
  func check(status: ApusError.Fault) throws {
    let result = try runProgram(arguments: arguments, input: bytes, limit: 20, in: ExampleFolder.shared.get())
    #expect(!result.wasSignalled && result.status == status.rawValue, "status \(result.status): \(result.errors)")
    #expect(result.output.isEmpty, "errors belong on standard error: \(result.output)")
    #expect(result.errors.contains(message), "\(result.errors)")
    #expect(!result.errors.contains("\u{1B}"), "colors without a terminal")
  }

  static let usage: [CommandCase] = [
    // Names
    CommandCase("trian mlp.graph", "did you mean 'train'?"), CommandCase("frobnicate", "one of train, evaluate"),
    CommandCase("dump", "Missing expected argument"), CommandCase("dump mlp.graph --stagee graph", "--stage"),
    CommandCase("dump mlp.graph --memory-limit 12Q", "'12Q' is invalid for '--memory-limit <bytes>'"),
    CommandCase("train mlp.graph --memory-limit -1", "--memory-limit"),
    CommandCase("dump mlp.graph --stage optimised", "optimized"), CommandCase("ops mutmal", "did you mean 'matmul'?"),
    CommandCase("ops frobnicate", "`apus ops` lists them"),
    CommandCase("opt mlp.graph --passes simplfy", "did you mean 'simplify'?"),
    CommandCase("opt mlp.graph --passes fuse{sise=1}", "did you mean 'size'?"),
    CommandCase("opt mlp.graph --pipeline trainin", "did you mean 'training'?"),
    CommandCase("train mlp.graph --loss mes", "did you mean 'mse'?"),
    CommandCase("train mlp.graph --metrics acuracy", "did you mean 'accuracy'?"),
    CommandCase("train mlp.graph --optimizer rmsprp", "did you mean 'rmsprop'?"),
    CommandCase("train mlp.graph --optimizer sgd(learning_rat=1)", "did you mean 'learning_rate'?"),
    CommandCase("train mlp.graph --optimizer sgd(learning_rate=nan)", "must be a number or a schedule, not 'nan'"),
    CommandCase("train mlp.graph --optimizer sgd(", "lacks its closing parenthesis"),
    CommandCase(
      "train mlp.graph --optimizer adam(beta_1=1)", "'beta_1' of optimizer 'adam' must be at least 0 and below 1"),
    CommandCase("train mlp.graph --optimizer sgd(clipnorm=-1)", "must be above 0, not -1.0"),
    CommandCase("train mlp.graph --callbacks early_stoping", "did you mean 'early_stopping'?"),
    CommandCase("train mlp.graph --callbacks csv_logger", "needs 'filename'"),
    CommandCase("optimizers rmsprp", "did you mean 'rmsprop'?"), CommandCase("losses mes", "did you mean 'mse'?"),
    CommandCase("metrics acuracy", "did you mean 'accuracy'?"),
    CommandCase("callbacks frobnicate", "there is no callback 'frobnicate'"),
    CommandCase("train mlp.graph --backend interpretr", "did you mean 'interpreter'?"),
    CommandCase("dump mlp.graph --bind bach=2", "did you mean 'batch'?"),
    CommandCase("summary mlp.graph --style boxed", "one of 'box' and 'classic'"),
    CommandCase("report mlp.graph", "Missing expected argument '--output <output>'"),
    CommandCase("report mlp.graph --output page.html --seconds 0", "--seconds must be above 0"),
    CommandCase(
      "report mlp.graph --output page.html --backend interpreter --profile", "--profile goes with --backend native"),
    CommandCase("report mlp.graph --output page.html --training --gradient", "leave --gradient out"),
    CommandCase(
      "report mlp.graph --output page.html --backend interpreter --validate native",
      "--validate native goes with --backend native"),
    CommandCase("report mlp.graph --output page.html --validate native --bisect", "leave --bisect out"),
    CommandCase("report mlp.graph --output page.html --seconds 2", "--seconds goes with --profile"),
    CommandCase("report mlp.graph --output page.html --seconds 3601 --profile", "--seconds must be above 0"),
    CommandCase("explain mlp.graph --digits 0", "--digits must be from 1 to 17"),
    CommandCase("explain mlp.graph --digits 18", "--digits must be from 1 to 17"),
    CommandCase("explain mlp.graph -i u8.npy --learning-rate 0.1", "--learning-rate goes with --gradient"),
    CommandCase("explain mlp.graph --gradient --learning-rate inf", "must be a finite number"),
    CommandCase("dump mlp.graph --format html --full", "--full belongs to --format text and json"),
    // Numbers
    CommandCase("dump mlp.graph --bind batch=", "not symbol=size"),
    CommandCase("dump mlp.graph --bind batch=-1", "=32"),
    CommandCase("dump mlp.graph --bind batch=2,batch=3", "two sizes, 2 and 3"),
    CommandCase("train mlp.graph --batch 0", "--batch must be at least 1"),
    CommandCase("train mlp.graph --epochs=-1", "--epochs cannot be negative"),
    CommandCase("train mlp.graph --validation-split 1", "below 1"),
    CommandCase("train mlp.graph --validation-split nan", "below 1"),
    CommandCase("predict trained --first 0", "--first must be at least 1"),
    CommandCase("opt mlp.graph -O7", "0, 1, 2 or 3"),
    CommandCase("opt mlp.graph --pass-limit=-1", "cannot be negative"),
    CommandCase("dump mlp.graph --stage optimized -O9", "0, 1, 2 or 3"),
    // Options that contradict each other, or would be ignored
    CommandCase("opt mlp.graph -O2 --pipeline training", "alternatives"),
    CommandCase("opt mlp.graph --bisect --stats", "--bisect"),
    CommandCase("opt mlp.graph --bisect --pass-limit 2", "--bisect"),
    CommandCase("dump mlp.graph --training --gradient", "leave --gradient out"),
    CommandCase("dump mlp.graph --training --mode inference", "contradict"),
    CommandCase("dump mlp.graph --optimizer adam", "belongs to --training"),
    CommandCase("dump mlp.graph -O1", "belong to --stage optimized"),
    CommandCase("dump mlp.graph --stage kernels --format dot", "--format is text, json or html"),
    CommandCase("run mlp.graph -i u8.npy --output results --json", "alternatives"),
    CommandCase("run mlp.graph -i u8.npy -i u8.npy", "has 1 input,"),
    CommandCase("run mlp.graph -i input=u8.npy -i input=u8.npy", "'input' is given twice"),
    CommandCase("predict trained u8.npy u8.npy -o out.npy", "one file"),
    CommandCase("help nosuch", "there is no subcommand 'nosuch'"), CommandCase("help trian", "did you mean 'train'?"),
    CommandCase("compile mlp.graph -o out --optimizer sgd", "belongs to --training"),
    CommandCase("train mlp.graph --on-nan ignore", "'stop', 'explain' or 'continue'"),
    // Options that contradict the model to go on with
    CommandCase("train trained --resume trained --optimizer adam", "goes on with rmsprop("),
    CommandCase("train trained --resume trained --optimizer rmsprop(rho=0.5)", "but --optimizer says rmsprop("),
    CommandCase(
      "train trained --resume trained --loss mse", "goes on with sparse_categorical_crossentropy, but --loss"),
    CommandCase("train trained --resume trained --metrics mae", "goes on with accuracy, but --metrics says"),
    CommandCase("train trained --resume trained --seed 3", "goes on with 0, but --seed says 3"),
    CommandCase("train trained --resume trained --batch 3", "goes on with 32, but --batch says 3"),
    CommandCase("train trained --resume trained --validation-split 0.5", "goes on with 0.0, but --validation-split"),
    CommandCase("train trained --resume trained --no-shuffle", "goes on with true, but --shuffle says false"),
    CommandCase("train cnn.graph --resume trained", "goes on with its own graph, and 'cnn.graph' holds another"),
  ]

  static let input: [CommandCase] = [
    // Something else in place of a graph
    CommandCase("dump nowhere", "there is no file 'nowhere'"), CommandCase("dump ''", "there is no file ''"),
    CommandCase("dump empty", "the file holds no graph"), CommandCase("dump -", "the file holds no graph", input: ""),
    CommandCase("dump tiny", "a saved model's folder holds a model.graph"),
    CommandCase("dump u8.npy", "u8.npy:1:1: error: this is not a text in UTF-8"),
    CommandCase("dump -", "did you mean 'relu'?", input: "graph @g(%x: f32[2]) {\n  %y = rellu(%x)\n  return %y\n}\n"),
    // Something else in place of a tensor
    CommandCase("run mlp.graph -i nowhere.npy", "nowhere.npy: cannot be opened"),
    CommandCase("run mlp.graph -i empty", "empty: is not an NPY file"),
    CommandCase("run mlp.graph -i tiny", "directory"),
    CommandCase("run mlp.graph -i short.npy", "short.npy: its header promises u8[2, 28, 28]"),
    CommandCase("predict trained empty", "empty: its ending says no kind of data that is read"),
    CommandCase("predict trained empty.png", "is not a PNG file"),
    // Tensors that do not fit: what is given and what is wanted
    CommandCase("run mlp.graph -i f32.npy", "is a u8[2, 28, 28], but was given a f32[2, 28, 28]"),
    CommandCase("run mlp.graph -i narrow.npy", "has shape [2, 28, 27], but [batch, 28, 28] is declared"),
    CommandCase("predict trained narrow.npy", "[28, 28] a sample, but the data has [28, 27]"),
    CommandCase("predict trained f32.npy", "of type u8, which does not hold the data's f32"),
    CommandCase("run mlp.graph", "input 'input' of graph @mlp is not fed"),
    CommandCase("run mlp.graph", "help: --input input=FILE.npy, or --random"),
    CommandCase("explain two_graphs.graph --random", "put one of @a, @b into a file of its own"),
    CommandCase("explain mlp.graph --gradient", "input 'input' of graph @mlp is not fed"),
    CommandCase("explain mlp.graph --gradient -i u8.npy", "the chain rule begins at a floating-point scalar"),
    CommandCase("report mlp.graph --output tiny", "'tiny' is a folder; a file's name is wanted"),
    CommandCase("report mlp.graph --output nowhere/page.html", "there is no folder 'nowhere'"),
    CommandCase("run mlp.graph -i inputt=u8.npy", "has no input 'inputt'"),
    CommandCase("run mlp.graph --random", "symbolic shape [batch, 28, 28]"),
    CommandCase("run mlp.graph --random --bind batch=999999999", "memory"),
    CommandCase("run huge.graph", "memory"),
    // Help for the command, not for programs
    CommandCase("opt dropout.graph --passes simplify --validate", "bind the graph first: --mode inference"),
    CommandCase("dump mlp.graph --stage plan", "bind it: --bind batch=32"),
    // Saved models
    CommandCase("evaluate mlp.graph --data tiny", "holds no weights"),
    CommandCase("evaluate damaged --data tiny", "damaged/weights.safetensors: is no safetensors file, or cut off"),
    CommandCase("run damaged -i u8.npy", "damaged/weights.safetensors"),
    CommandCase("train mlp.graph --data tiny --resume nowhere", "--resume 'nowhere' is not a folder"),
    CommandCase("train mlp.graph --data tiny --resume tiny", "weights.safetensors: cannot be opened"),
    // Models that cannot be trained
    CommandCase("train two_inputs.graph --data tiny", "graph @two has no trainable variables"),
    CommandCase("train two_weighted.graph --data tiny", "input"),
    CommandCase("train two_outputs.graph --data tiny", "output"),
    CommandCase("train infinite.graph --data tiny", "input"),
    CommandCase("train mlp.graph --bind batch=4", "must be a symbol"),
    CommandCase("train two_graphs.graph --data tiny", "holds 2 graphs"),
    CommandCase(
      "train mlp.graph --data tiny --verbose silent --loss mse",
      "targets of shape [batch] with outputs of shape [batch, 10]"),
    // Data
    CommandCase("train mlp.graph --data fashon-mnist", "did you mean 'fashion-mnist'?"),
    CommandCase("train mlp.graph --data trained", "trained"),
    CommandCase("train mlp.graph --data tiny --verbose silent --validation-split 0.999", "8 samples"),
    CommandCase(
      "train mlp.graph --data wrong", "wrong/t10k-labels-idx1-ubyte: sample 2 has the label 12, but the model has 10"),
    CommandCase("evaluate trained --data wrong", "wrong/t10k-labels-idx1-ubyte: sample 2 has the label 12"),
    // Outputs
    CommandCase("run mlp.graph -i u8.npy -o empty", "--output 'empty' is a file"),
    CommandCase("predict trained u8.npy -o nowhere/x.npy", "there is no folder 'nowhere'"),
  ]

  static let done: [CommandCase] = [
    CommandCase("summary mlp.graph", "Total params: 101,770 (397.54 KB)"),
    CommandCase("stats mlp.graph --training --optimized", "rmsprop"),
    CommandCase("explain mlp.graph -i u8.npy --digits 1", "Forward"),
    CommandCase("explain mlp.graph -i u8.npy --digits 17", "Forward"),
    CommandCase("report mlp.graph --training --no-drawings --output page.html", "page.html: "),
    CommandCase("explain mlp.graph -i u8.npy", "Forward"),
    CommandCase("help", "USAGE: apus"), CommandCase("help help", "USAGE: apus"),
    CommandCase("train mlp.graph --data tiny --epochs 0 --memory-limit none", "test: accuracy"),
    CommandCase("dump lstm.graph --training --stage optimized", "dot_general"),
    CommandCase("opt lstm.graph --mode training", "scan"),
    CommandCase("--version", "."), CommandCase("help train", "USAGE: apus train"),
    CommandCase("train mlp.graph --data tiny --epochs 0", "test: accuracy"),
    CommandCase("train mlp.graph --data tiny --batch 100", "test: accuracy"),
    CommandCase("train trained --resume trained --data tiny --epochs 2 --save again --plot again.svg", "model: again"),
    CommandCase("train trained --data tiny --optimizer adam --loss sparse_categorical_crossentropy", "test: accuracy"),
    CommandCase("train trained --resume trained --data tiny --optimizer rmsprop --batch 32 --seed 0", "test: accuracy"),
    CommandCase("train mlp.graph --resume trained --data tiny", "test: accuracy"),
    CommandCase("run mlp.graph -i none.npy", "f32[0, 10]"),
    CommandCase("run mlp.graph --random --bind batch=0", "f32[0, 10]"),
    CommandCase("run trained -i u8.npy -o results", "results/output0.npy: f32[2, 10]"),
    CommandCase("predict trained --data tiny --first 99 -o scores.npy", "tiny[3]"),
    CommandCase("opt mlp.graph --passes ''", "graph @mlp"), CommandCase("opt mlp.graph --pass-limit 0", "relu"),
    CommandCase("opt mlp.graph --pass-limit 999", "fusion"),
    CommandCase("opt mlp.graph --bisect --validate", "no fault in"),
    CommandCase("opt two_graphs.graph --bisect", "@b: no fault"),
    CommandCase("opt mlp.graph --stats --validate", "simplify"),
    CommandCase("dump mlp.graph --gradient --bind batch=3", "f32[3, 10]"),
    CommandCase("dump mlp.graph --training --optimizer adam --stage optimized -O1", "optimizer/"),
  ]
}

/// Small files that the command lines name, made once a test run.
enum ExampleFolder {
  static let shared = Result { try make() }

  private static let folder = FileManager.default.temporaryDirectory
    .appendingPathComponent("apus-command-tests-\(getpid())")

  private static func make() throws -> URL {
    atexit { try? FileManager.default.removeItem(at: ExampleFolder.folder) }
    try? FileManager.default.removeItem(at: folder)
    try FileManager.default.createDirectory(
      at: folder.appendingPathComponent("tiny"), withIntermediateDirectories: true)
    func write(_ name: String, _ bytes: [UInt8]) throws {
      try Data(bytes).write(to: folder.appendingPathComponent(name))
    }
    func write(_ name: String, _ text: String) throws { try write(name, Array(text.utf8)) }
    func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    try write("mlp.graph", Repository.text("Graphs/Models/mlp.graph"))
    try write("lstm.graph", Repository.text("Graphs/Models/lstm.graph"))
    try write(
      "dropout.graph", "graph @dropout(%x: f32[n, 2]) {\n  %y = dropout(%x, rate: 0.5, seed: 1)\n  return %y\n}\n")
    try write("cnn.graph", Repository.text("Graphs/Models/cnn.graph"))
    try write("infinite.graph", "graph @infinite() {\n  %y: f32[3] = constant([inf, -inf, nan])\n  return %y\n}\n")
    try write(
      "huge.graph",
      "graph @huge() {\n  %y: f32[9000000, 9000000] = iota(shape: [9000000, 9000000], axis: 0, dtype: f32)\n  return %y\n}\n"
    )
    try write(
      "two_weighted.graph",
      "graph @two(%x: f32[n, 784], %y: f32[n, 784]) {\n  %w: f32[784, 10] = variable(glorot_uniform)\n"
        + "  %z = add(%x, %y)\n  %p = matmul(%z, %w)\n  return %p\n}\n")
    try write("two_inputs.graph", "graph @two(%x: f32[n, 2], %y: f32[n, 2]) {\n  %z = add(%x, %y)\n  return %z\n}\n")
    try write("two_outputs.graph", "graph @two(%x: f32[n, 2]) {\n  %y = relu(%x)\n  return %x, %y\n}\n")
    let graphs = ["a", "b"].map { "graph @\($0)(%x: f32[n]) {\n  %y = relu(%x)\n  return %y\n}\n" }
    try write("two_graphs.graph", graphs.joined())

    try write("empty", "")
    try write("empty.png", "")
    try NPY.write(Tensor(zeros: .u8, [2, 28, 28]), to: path("u8.npy"))
    try NPY.write(Tensor(zeros: .f32, [2, 28, 28]), to: path("f32.npy"))
    try NPY.write(Tensor(zeros: .u8, [2, 28, 27]), to: path("narrow.npy"))
    try NPY.write(Tensor(zeros: .u8, [0, 28, 28]), to: path("none.npy"))
    try write("short.npy", Array(Data(contentsOf: folder.appendingPathComponent("u8.npy")).prefix(300)))

    // A data set of 8 and 4 images in IDX files: type 8 (bytes), rank, sizes as big-endian words, bytes.
    for (part, count) in [("train", 8), ("t10k", 4)] {
      let size = [0, 0, 0, UInt8(count)]
      let pixels = (0..<count * 784).map { UInt8(truncatingIfNeeded: $0 &* 37) }
      try write("tiny/\(part)-images-idx3-ubyte", [0, 0, 8, 3] + size + [0, 0, 0, 28, 0, 0, 0, 28] + pixels)
      try write("tiny/\(part)-labels-idx1-ubyte", [0, 0, 8, 1] + size + (0..<count).map { UInt8($0) })
    }
    // The same with a label that is not a class, among those for testing.
    try FileManager.default.copyItem(
      at: folder.appendingPathComponent("tiny"), to: folder.appendingPathComponent("wrong"))
    try write("wrong/t10k-labels-idx1-ubyte", [0, 0, 8, 1, 0, 0, 0, 4, 0, 1, 12, 3])
    for name in ["trained", "damaged"] {
      let result = try runProgram(
        arguments: ["train", "mlp.graph", "--data", "tiny", "--verbose", "silent", "--save", name], in: folder)
      #expect(result.status == 0, "\(result.errors)")
    }
    let weights = "damaged/weights.safetensors"
    try write(weights, Array(Data(contentsOf: folder.appendingPathComponent(weights)).prefix(1_000)))
    return folder
  }
}
