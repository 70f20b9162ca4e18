"""What feeds the program: journeys become attribution, spend response curves, contact history appetence."""
