"""What happens by the clock while everything breaks; run by `make faults`."""
