"""One table of test runners: how each is found, made to report, and read. Adding one is one file and one row here."""
