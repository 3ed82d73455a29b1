"""What the library costs, always compared with a peer in the same run. `make bench` runs everything."""
