"""What a phone keeps to work without a network: all published knowledge as one signed document."""
