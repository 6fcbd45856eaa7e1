"""What a run is: its options and the record of what was done, as typed frozen dataclasses."""
