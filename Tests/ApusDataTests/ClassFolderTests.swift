import ApusCore
import ApusData
import Foundation
import TestSupport
import Testing

/// Folders in folders of classes, and what is said of files that are left out.
@Suite struct ClassFolderTests {
  private let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  private func write(_ paths: String...) throws {
    for path in paths {
      let parent = (folder.file(path) as NSString).deletingLastPathComponent
      try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
      if path.hasSuffix(".png") {
        try PNG.write(Tensor(zeros: .u8, [2, 2]), to: folder.file(path))
      } else {
        _ = try folder.write("a text", as: path)
      }
    }
  }

  private var choices: DataChoices {
    var choices = DataChoices()
    choices.mixes = false
    return choices
  }

  @Test func foldersInClassesAreRead() throws {
    try write("cat/b.png", "cat/b/2.png", "cat/a/x/1.png", "dog/only/1.png", "cat/.hidden/3.png", "cat/.4.png")
    // Links to folders may lead back, or to another class.
    for (name, target) in [("cat/loop", ".."), ("cat/other", "../dog")] {
      try FileManager.default.createSymbolicLink(atPath: folder.file(name), withDestinationPath: target)
    }
    let data = try DataReader.load(folder.path, choices)
    let labels = (0..<data.train.count).map { data.train.label(of: $0).dropFirst(folder.path.count + 1) }
    #expect(labels == ["cat/a/x/1.png", "cat/b.png", "cat/b/2.png", "dog/only/1.png"])
    #expect(data.train.targets == Tensor([Int32(0), 0, 0, 1]))
    #expect(data.remarks.map(\.message) == ["2 files in '\(folder.path)' are left out: 2 links to folders"])
  }

  @Test func whatIsLeftOutIsCounted() throws {
    try write("cat/1.png", "cat/2.gif", "cat/in/3.GIF", "cat/4.bmp", "dog/1.png", "dog/notes", "readme.md")
    var split = choices
    split.testFraction = 0.5
    for data in [try DataReader.load(folder.path, choices), try DataReader.load(folder.path, split)] {
      #expect(
        data.remarks.map(\.message) == [
          "5 files in '\(folder.path)' are left out: 2 .gif, 1 .bmp, 1 .md, 1 without an ending"
        ])
      #expect(data.remarks.first?.severity == .warning)
      #expect(data.remarks.first?.help?.contains(".png, .jpg or .jpeg files") == true)
    }
    #expect(try DataReader.samples(folder.file("cat")).remarks.first?.message.contains("2 files in") == true)
    try FileManager.default.removeItem(atPath: folder.file("cat/1.png"))
    expectFault("cat: holds no pictures; its files are 2 .gif, 1 .bmp") { try DataReader.load(folder.path) }
    try FileManager.default.removeItem(atPath: folder.file("dog/1.png"))
    expectFault("holds no data of a known kind; it holds cat, dog, readme.md, and in its folders 2 .gif, 1 .bmp") {
      try DataReader.load(folder.path)
    }
  }

  /// A picture somewhere among texts does not make them pictures; parts are not classes.
  @Test func kindsStayWhatTheyWere() throws {
    try write("pos/1.txt", "neg/1.txt", "neg/more/2.txt", "pos/covers/1.png")
    let data = try DataReader.load(folder.path, choices)
    #expect(data.kind == "texts by class" && data.train.count == 3)
    #expect(data.remarks.map(\.message) == ["1 file in '\(folder.path)' is left out: 1 .png"])
    try write("parts/train/cat/1.png", "parts/val/cat/1.png")
    expectFault("holds parts of data rather than classes: train, val", "give the folder of a part") {
      try DataReader.load(folder.file("parts"))
    }
    try write("parts/test/cat/deep/1.png", "parts/test/cat/1.webp")
    let parts = try DataReader.load(folder.file("parts"), choices)
    #expect(parts.train.count == 1 && parts.test?.count == 1)
    #expect(parts.remarks.count == 1 && parts.remarks[0].message.hasSuffix("is left out: 1 .webp"))
  }
}
