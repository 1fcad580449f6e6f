import ApusCore

/// NumPy's file of several named arrays: a zip archive of NPY files.
public enum NPZ {
  /// The arrays in the order of the archive, named without `.npy`.
  /// - Throws: `ApusError` for a damaged archive, an entry that is not an array, or an element type that no tensor holds.
  public static func read(_ path: String) throws -> [(name: String, tensor: Tensor)] {
    let archive = try ZipArchive(contentsOf: path)
    return try archive.entries.map { entry in
      guard entry.name.hasSuffix(".npy") else {
        throw ApusError.file(path, "its entry '\(entry.name)' is not an array: names end in .npy")
      }
      let name = String(entry.name.dropLast(4))
      return (name, try NPY.parse(archive.contents(of: entry), path: "\(path), array '\(name)'"))
    }
  }

  /// Writes arrays as `numpy.savez` does, or as `numpy.savez_compressed` if `compressed`.
  public static func write(
    _ tensors: [(name: String, tensor: Tensor)], compressed: Bool = false, to path: String
  ) throws {
    let entries = try tensors.map { name, tensor in
      var bytes = try NPY.header(for: tensor.type, path: path)
      tensor.withUnsafeBytes { bytes.append(contentsOf: $0) }
      return (name: name + ".npy", bytes: bytes)
    }
    try ZipArchive.write(entries, compressed: compressed, to: path)
  }
}
