"""What the speed claims rest on: each measurement is a module, `benchmarks.run` prints them all in one table."""
