import ApusCore
import Foundation

/// Reads graph texts from files.
public enum GraphFile {
  /// The name under which `train --save` writes a model's graph into a folder.
  public static let modelName = "model.graph"

  /// The text of a file, of the model in a folder, or of standard input (`-`).
  /// - Throws: `ApusError` if it cannot be read, or is not UTF-8 (with the place of the first bad byte).
  public static func text(_ path: String) throws -> (text: String, file: String) {
    let data: Data
    var file = path
    if path == "-" {
      file = "<stdin>"
      data = FileHandle.standardInput.readDataToEndOfFile()
    } else {
      var isDirectory: ObjCBool = false
      guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
        throw ApusError.input("there is no file '\(path)'")
      }
      if isDirectory.boolValue { file = FileGroup.path(of: modelName, in: path) }
      // A handle, not `Data(contentsOf:)`, which refuses pipes: `apus dump <(generate)`.
      do {
        let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: file))
        data = try handle.readToEnd() ?? Data()
      } catch {
        throw ApusError.input(
          "cannot read '\(file)'", help: isDirectory.boolValue ? "a saved model's folder holds a \(modelName)" : nil)
      }
    }
    guard let text = String(validating: data, as: UTF8.self) else {
      throw ApusError.input("this is not a text in UTF-8", at: firstBadByte(data, file))
    }
    return (text, file)
  }

  private static func firstBadByte(_ data: Data, _ file: String) -> SourceLocation {
    var place = SourceLocation(file: file, line: 1, column: 1)
    var bytes = data.makeIterator()
    var decoder = UTF8()
    while case .scalarValue(let scalar) = decoder.decode(&bytes) {
      if scalar == "\n" {
        place.line += 1
        place.column = 1
      } else {
        place.column += 1
      }
    }
    return place
  }
}
