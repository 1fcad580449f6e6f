import ApusCommand

ApusCommandLine.main()
