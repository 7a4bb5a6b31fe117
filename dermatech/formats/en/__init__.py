"""English, as it is written in Ghana."""
