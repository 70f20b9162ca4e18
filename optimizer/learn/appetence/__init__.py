"""From contact history to appetence: how likely each customer is to respond to each channel, and who may be reached."""
