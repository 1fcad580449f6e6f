import ApusCore

extension Operator {
  /// An error in the operator's own code: its shape rule, its expansion or one of its kernels. For an operator of Apus
  /// that is a defect of Apus; any other operator belongs to the program that declares it.
  /// - Parameters:
  ///   - message: what is wrong, with the operator's name.
  ///   - help: what its author has to write.
  package func fault(_ message: String, help: String) -> ApusError {
    let isOwn = ["ApusGraph.", "ApusOperators."].contains { String(reflecting: Self.self).hasPrefix($0) }
    return ApusError(isOwn ? .defect : .input, [Diagnostic(.error, message, help: help)])
  }
}

extension [TensorType] {
  /// `(f32[2], i64)`
  package var list: String { "(\(map(\.description).joined(separator: ", ")))" }
}
