/// Which numbers an operation takes.
enum OperandClass: CustomStringConvertible {
  case singles, floats
  /// Integers of 8 bits or more.
  case integers
  /// Integers, truth values among them.
  case bits
  /// Floats, and integers of 8 bits or more.
  case numbers
  case anything

  func contains(_ type: ScalarType) -> Bool {
    switch self {
    case .singles: type == .f32
    case .floats: type.isFloating
    case .integers: !type.isFloating && type != .i1
    case .bits: !type.isFloating
    case .numbers: type != .i1
    case .anything: true
    }
  }

  var description: String {
    switch self {
    case .singles: "it takes f32"
    case .floats: "it takes f32 and f64"
    case .integers: "it takes integers of 8 bits or more"
    case .bits: "it takes integers and i1"
    case .numbers: "it takes floats, and integers of 8 bits or more"
    case .anything: "it takes all types"
    }
  }
}

extension Unary {
  var operands: OperandClass {
    switch self {
    case .negate, .absolute: .numbers
    case .squareRoot, .floor, .ceil, .round: .floats
    case .not: .bits
    case .countLeadingZeros, .populationCount: .integers
    case .reciprocalSquareRootEstimate: .singles
    }
  }
}

extension Binary {
  var operands: OperandClass {
    switch self {
    case .add, .subtract, .multiply: .numbers
    case .divide, .minimumNumber, .maximumNumber, .scaleByPowerOfTwo, .scaleNearOne: .floats
    case .divideSigned, .divideUnsigned, .remainderSigned, .remainderUnsigned, .minimumSigned, .maximumSigned,
      .minimumUnsigned, .maximumUnsigned, .shiftLeft, .shiftRight, .shiftRightSigned:
      .integers
    case .and, .or, .xor: .bits
    }
  }
}

extension Comparison {
  var operands: OperandClass {
    switch self {
    case .equal, .notEqual: .anything
    case .less, .lessEqual, .greater, .greaterEqual: .numbers
    case .lessUnsigned, .lessEqualUnsigned: .bits
    }
  }
}

extension Conversion {
  func converts(_ source: ScalarType, to result: ScalarType) -> Bool {
    switch self {
    case .signExtend, .zeroExtend: !source.isFloating && !result.isFloating && source.bits < result.bits
    case .truncate: !source.isFloating && !result.isFloating && source.bits > result.bits
    case .signedToFloat: !source.isFloating && source != .i1 && result.isFloating
    case .unsignedToFloat: !source.isFloating && result.isFloating
    case .floatToSigned, .floatToUnsigned: source.isFloating && !result.isFloating && result != .i1
    case .extend: source == .f32 && result == .f64
    case .narrow: source == .f64 && result == .f32
    case .halfToFloat: source == .i16 && result == .f32
    case .floatToHalf: source == .f32 && result == .i16
    case .bits: source.bits == result.bits && source != .i1
    }
  }

  /// What would be right, as a message says it.
  var rule: String {
    let types =
      switch self {
      case .signExtend, .zeroExtend: "an integer to one of more bits"
      case .truncate: "an integer to one of fewer bits"
      case .signedToFloat, .unsignedToFloat: "an integer to f32 or f64"
      case .floatToSigned, .floatToUnsigned: "f32 or f64 to an integer of 8 bits or more"
      case .extend: "f32 to f64"
      case .narrow: "f64 to f32"
      case .halfToFloat: "i16 to f32"
      case .floatToHalf: "f32 to i16"
      case .bits: "a type to another of as many bits"
      }
    return "\(mnemonic) converts \(types), lane by lane"
  }
}
