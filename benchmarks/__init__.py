"""What the library costs, always beside what it is measured against. `make bench` runs it all."""
