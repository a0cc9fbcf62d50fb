"""The protobuf messages of specs, records and sweeps, generated from the .proto files."""
