import ApusCore

extension ProcessorModel {
  /// The part of the model that the form of kernels depends on.
  public var vector: VectorTarget {
    VectorTarget(vectorBytes: vectorBytes, vectorRegisters: vectorRegisters, hasMaskedAccess: hasMaskedAccess)
  }

  /// How many numbers of a type one register holds.
  public func lanes(of type: ScalarType) -> Int { vector.lanes(of: type) }
}
