import ApusData

/// A picture in SVG, made without any other program. The same contents give the same bytes.
public protocol Drawing {
  /// The picture as a complete SVG document.
  func svg() -> String
}

extension Drawing {
  /// Writes the picture. An existing file is replaced only once all is written.
  /// - Throws: `ApusError` if the file cannot be written.
  public func write(to path: String) throws { try AtomicFile.write(svg(), to: path) }
}
