import Apus
import ApusCommand

ApusCommandLine.main(passes: [FindSquaredRelu.self]) { try OperatorRegistry.register(SquaredRelu.self) }
