"""What the tests and the benchmarks share: servers, proxies, workers, and models to compare with."""
