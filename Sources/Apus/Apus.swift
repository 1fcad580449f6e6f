/// What `import Apus` gives a user: every module that a program needs, under one name.
@_exported import ApusAutodiff
@_exported import ApusCore
@_exported import ApusData
@_exported import ApusInspection
@_exported import ApusInterpreter
@_exported import ApusNN
@_exported import ApusNative
@_exported import ApusPasses
@_exported import ApusPresentation
