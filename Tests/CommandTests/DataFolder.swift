import Apus
import Foundation
import TestSupport

/// Data files that command lines name, right and damaged, made once a test run.
enum DataFolder {
  static let shared = Result { try make() }

  static let graphs = [
    // 5 features, 3 classes.
    "classes.graph": """
    graph @classes(%input: f32[batch, 5]) {
      %kernel: f32[5, 3] = variable(glorot_uniform) from "output"
      %scores = matmul(%input, %kernel) from "output"
      %y = softmax(%scores) from "output"
      return %y
    }
    """,
    // 2 features, a number.
    "line.graph": """
    graph @line(%input: f32[batch, 2]) {
      %kernel: f32[2, 1] = variable(zeros) from "output"
      %bias: f32[1] = variable(zeros) from "output"
      %x = matmul(%input, %kernel) from "output"
      %y = add(%x, %bias) from "output"
      return %y
    }
    """,
    // Pictures of 4 by 4, 3 classes.
    "pictures.graph": """
    graph @pictures(%input: u8[batch, 4, 4]) {
      %x = cast(%input, dtype: f32) from "cast"
      %flat: f32[batch, 16] = reshape(%x, shape: [batch, 16]) from "flatten"
      %kernel: f32[16, 3] = variable(zeros) from "output"
      %scores = matmul(%flat, %kernel) from "output"
      %y = softmax(%scores) from "output"
      return %y
    }
    """,
  ]

  private static let folder = FileManager.default.temporaryDirectory
    .appendingPathComponent("apus-data-tests-\(getpid())")

  private static func make() throws -> URL {
    atexit { try? FileManager.default.removeItem(at: DataFolder.folder) }
    try? FileManager.default.removeItem(at: folder)
    let reading = Repository.file("Tests/ApusDataTests/Resources/Reading")
    try FileManager.default.copyItem(at: reading, to: folder)
    for (name, text) in graphs { try write(name, text) }
    try damagedTables()
    try damagedArrays()
    try damagedPictures()
    try damagedTexts()
    return folder
  }

  private static func write(_ name: String, _ bytes: some Sequence<UInt8>) throws {
    let file = folder.appendingPathComponent(name)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: file)
  }

  private static func write(_ name: String, _ text: String) throws { try write(name, text.utf8) }

  private static func bytes(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: folder.appendingPathComponent(name)))
  }

  private static func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

  private static func damagedTables() throws {
    for (name, text) in [
      ("empty.csv", ""), ("blank.csv", "\n  \n\n"), ("header.csv", "a,b,y\n"), ("ragged.csv", "a,y\n1,0\n1,2,0\n"),
      ("short.csv", "a,b,y\n1,2,0\n1,2\n"), ("quote.csv", "a,y\n\"1,0\n2,1\n"), ("twice.csv", "a,b,a\n1,2,3\n"),
      ("missing.csv", "a,b,y\n1,,0\n2,3,1\n"), ("target.csv", "a,b,y\n1,2,\n2,3,1\n"),
      ("stray.csv", "a,b,y\n1,2,0\n2,3,1\n3,x4,1\n"), ("nothing.csv", "a,b,y\n,1,0\n,2,1\n"),
      ("alone.csv", "y\n1\n2\n"), ("fraction.csv", "a,b,y\n1,2,0.5\n"), ("high.csv", "a,b,c,d,e,y\n1,2,3,4,5,7\n"),
      ("names.csv", "name,b,y\n" + (0..<300).map { "n\($0),2,1\n" }.joined()),
      ("wide.csv", "a,b,c,y\n1,2,3,0.5\n2,2,2,0.25\n"), ("line.csv", "a,b,y\n1,2,0.5\n2,3,1.5\n3,1,2.5\n"),
    ] {
      try write(name, text)
    }
    try write("binary.csv", [0x61, 0x2C, 0, 1, 2])
  }

  private static func damagedArrays() throws {
    let parts = try bytes("parts.npz")
    try write("cut.npz", parts.dropLast(30))
    try write("half.npz", parts.prefix(parts.count / 2))
    try write("empty.npz", [UInt8]())
    try write("text.notes.npz", "these are notes")
    var damaged = parts
    damaged[200] ^= 0xFF
    try write("checksum.npz", damaged)
    try NPZ.write([("x", Tensor(zeros: .f32, [3, 5])), ("y", Tensor([UInt8(0), 1]))], to: path("counts.npz"))
    try NPZ.write([("x", Tensor(zeros: .f32, [0, 5])), ("y", Tensor(zeros: .u8, [0]))], to: path("none.npz"))
    try NPZ.write([("x", Tensor(zeros: .f32, [3, 5]))], to: path("alone.npz"))
    try NPZ.write([("x", Tensor(scalar: Float(1))), ("y", Tensor(scalar: Float(1)))], to: path("scalar.npz"))
    try NPZ.write([("x", Tensor(zeros: .f32, [3, 4])), ("y", Tensor([UInt8(0), 1, 2]))], to: path("narrow.npz"))
    try NPZ.write([("x", Tensor(zeros: .f32, [3, 5])), ("y", Tensor([UInt8(0), 1, 3]))], to: path("label.npz"))
    try NPZ.write([("x", Tensor(zeros: .bool, [3, 5])), ("y", Tensor([UInt8(0), 1, 2]))], to: path("bool.npz"))
    try NPZ.write([("x", Tensor(zeros: .f32, [3, 5])), ("y", Tensor(zeros: .f32, [3, 2]))], to: path("shape.npz"))
    let inputs = try bytes("inputs.npy")
    try write("cut.npy", inputs.dropLast(1))
    try write("magic.npy", [0x93] + "NUMPI".utf8 + inputs.dropFirst(6))
    try write("version.npy", inputs.prefix(6) + [9] + inputs.dropFirst(7))
    try write("dictionary.npy", inputs.prefix(10) + [UInt8(ascii: "[")] + inputs.dropFirst(11))
  }

  private static func damagedPictures() throws {
    let png = try bytes("palette4.png")
    for (name, content) in [
      ("cutpictures/a/1.png", Array(png.dropLast(20))), ("textpictures/a/1.png", Array("no picture".utf8)),
      ("gifpictures/a/1.png", Array("GIF89a....".utf8)), ("mixed/a/1.png", png),
      ("mixed/b/1.png", try bytes("narrow.png")), ("loose/1.png", png), ("hollow/a/1.png", png),
      ("good/a/1.png", png), ("good/b/1.png", png), ("good/c/1.png", png), ("fewer/a/1.png", png),
      ("other/z/1.png", png), ("cutjpeg/a/1.jpg", Array(try bytes("color.jpg").prefix(300))),
      ("notes/readme.md", Array("notes".utf8)),
      ("idx/train-images-idx3-ubyte", [0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 4]),
      ("cifar/data_batch_1.bin", [1, 2, 3]), ("file.doc", [1, 2]),
    ] {
      try write(name, content)
    }
    for name in ["hollow/b", "hole"] {
      try FileManager.default.createDirectory(
        at: folder.appendingPathComponent(name), withIntermediateDirectories: true)
    }
  }
  private static func damagedTexts() throws {
    try write("text.graph", Repository.text("Graphs/Models/text.graph"))
    for (name, text) in [
      ("cuttexts/a/1.txt", "a film"), ("emptytexts/a/1.txt", "\n"), ("emptytexts/b/1.txt", "x"),
      ("hollowtexts/a/1.txt", "a film"), ("hollowtexts/b/readme.md", "x"), ("wordless/a/1.txt", "..."),
      ("wordless/b/1.txt", "!"), ("loosetexts/1.txt", "a film"), ("parttexts/train/a/1.txt", "a film"),
      ("parttexts/test/c/1.txt", "a film"), ("notes.csv", "note,y\na film,0\n,1\n"),
      ("comma.csv", "a,b,y\n\"1,5\",2,0\n\"2,5\",3,1\n"), ("decimals.csv", "a;b;y\n1,5;2;0\n2.5;3;1\n"),
      ("goodtexts/a/1.txt", "a film"), ("goodtexts/b/1.txt", "a plot"),
    ] {
      try write(name, text)
    }
    try write("cuttexts/b/1.txt", [0x61, 0xC3, 0xA9, 0x20, 0xE9, 0x20])
    try write("binarytexts/a/1.txt", [0x61, 0, 0x62])
  }
}
