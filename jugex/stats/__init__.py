"""Statistics on arrays alone: no atlas, no region, no file."""
