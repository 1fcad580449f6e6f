import ApusCore
import ApusData
import Foundation
import TestSupport
import Testing

/// Several files of a folder are replaced together, at whatever moment the writer ends.
@Suite struct AtomicFolderTests {
  private static let files = ["a", "b", "c"]

  private func save(_ text: String, in folder: String) throws {
    try AtomicFolder.replaceFiles(in: folder) { draft in
      for file in Self.files { try draft.write(file, Array("\(file) \(text)".utf8)) }
    }
  }

  /// What a reader sees.
  private func read(_ folder: String) throws -> [String] {
    try FileGroup.reading(Self.files, in: folder) {
      try Self.files.map { String(decoding: try contents(FileGroup.path(of: $0, in: folder)), as: UTF8.self) }
    }
  }

  private func all(_ text: String) -> [String] { Self.files.map { "\($0) \(text)" } }

  @Test func aFailureLeavesEverything() throws {
    let folder = try TemporaryFolder()
    try save("old", in: folder.path)
    _ = try folder.write("mine", as: "notes")
    expectFault("on purpose") {
      try AtomicFolder.replaceFiles(in: folder.path) { draft in
        try draft.write("a", Array("a new".utf8))
        throw ApusError.input("on purpose")
      }
    }
    #expect(try read(folder.path) == all("old"))
    #expect(try folder.names == ["a", "b", "c", "notes"])
  }

  /// Every state of the folder in which a writer can be killed: the draft not whole, whole, and renamed with 0 to 3 files
  /// moved. Readers see the old set or the new one, and the next writer leaves nothing behind.
  @Test(arguments: 0...7) func aKilledWriterLeavesOneSet(_ moment: Int) throws {
    let folder = try TemporaryFolder()
    try save("old", in: folder.path)
    _ = try folder.write("mine", as: "notes")
    let isCommitted = moment >= 4
    let hidden = isCommitted ? FileGroup.committedName : FileGroup.draftPrefix + "3k2j"
    try FileManager.default.createDirectory(atPath: folder.file(hidden), withIntermediateDirectories: true)
    for (position, file) in Self.files.enumerated() {
      if isCommitted {
        _ = try folder.write("\(file) new", as: position < moment - 4 ? file : "\(hidden)/\(file)")
      } else if position < moment {
        _ = try folder.write("\(file) n", as: "\(hidden)/\(file)")
      }
    }
    #expect(try read(folder.path) == all(isCommitted ? "new" : "old"))
    #expect(try read(folder.path + "/") == all(isCommitted ? "new" : "old"))

    // A writer that fails finishes the set before it, too.
    expectFault("on purpose") {
      try AtomicFolder.replaceFiles(in: folder.path) { _ in throw ApusError.input("on purpose") }
    }
    #expect(try read(folder.path) == all(isCommitted ? "new" : "old"))
    try save("newest", in: folder.path)
    #expect(try read(folder.path) == all("newest"))
    #expect(try folder.names == ["a", "b", "c", "notes"])
    #expect(try folder.text("notes") == "mine")
  }

  /// The draft of a writer that is at work is not taken for abandoned.
  @Test func writersAtATime() throws {
    let folder = try TemporaryFolder()
    try AtomicFolder.replaceFiles(in: folder.path) { draft in
      try draft.write("a", Array("a outer".utf8))
      try save("inner", in: folder.path)
      #expect(try read(folder.path) == all("inner"))
      for file in ["b", "c"] { try draft.write(file, Array("\(file) outer".utf8)) }
    }
    #expect(try read(folder.path) == all("outer"))
    #expect(try folder.names == ["a", "b", "c"])
  }

  /// Readers and two writers at a time: a reader never sees parts of two sets.
  @Test func readersSeeWholeSets() async throws {
    let folder = try TemporaryFolder()
    let path = folder.path
    try save("0", in: path)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for writer in 1...2 {
        group.addTask { for turn in 0..<60 { try save("\(writer).\(turn)", in: path) } }
      }
      for _ in 0..<2 {
        group.addTask {
          for _ in 0..<200 {
            let texts = Set(try read(path).map { $0.split(separator: " ").last })
            #expect(texts.count == 1, "\(texts)")
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(try folder.names == ["a", "b", "c"])
  }

  @Test func linksAndPermissions() throws {
    let folder = try TemporaryFolder()
    try save("old", in: folder.file("real"))
    try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: folder.file("real/b"))
    try FileManager.default.createSymbolicLink(atPath: folder.file("link"), withDestinationPath: "real")
    try save("new", in: folder.file("link"))
    #expect(try read(folder.file("real")) == all("new"))
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder.file("link")) == "real")
    let mode = try FileManager.default.attributesOfItem(atPath: folder.file("real/b"))[.posixPermissions] as? Int
    #expect(mode == 0o640)
    // Folders are made as `mkdir -p` makes them.
    try save("deep", in: folder.file("x/y/z/"))
    #expect(try read(folder.file("x/y/z")) == all("deep"))
  }

  @Test func faults() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write("", as: "file")
    expectFault("file: is a file: a folder cannot take its place") { try save("new", in: file) }
    expectFault("file: is a file") { try save("new", in: file + "/below") }
    expectFault("cannot be") { try save("new", in: "/proc/none") }
    // What is in the way of one file keeps all from being replaced.
    let path = folder.file("model")
    try save("old", in: path)
    try FileManager.default.removeItem(atPath: path + "/c")
    try FileManager.default.createDirectory(atPath: path + "/c", withIntermediateDirectories: true)
    expectFault("model/c: is a directory: a file cannot take its place") { try save("new", in: path) }
    #expect(try contents(path + "/a") == Array("a old".utf8))
    #expect(try FileManager.default.contentsOfDirectory(atPath: path).sorted() == ["a", "b", "c"])
  }

  @Test(.enabled(if: geteuid() != 0, "a folder that its owner cannot write into is none for the superuser"))
  func folderWithoutPermission() throws {
    let folder = try TemporaryFolder()
    try save("old", in: folder.path)
    try FileManager.default.setAttributes([.posixPermissions: 0o555], ofItemAtPath: folder.path)
    defer { try? FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder.path) }
    expectFault("cannot be written into: Permission denied") { try save("new", in: folder.path) }
    #expect(try read(folder.path) == all("old"))
  }
}
