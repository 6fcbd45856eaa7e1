"""What a run is, as typed data: its options, the record of what it did, and what it found out about itself."""
