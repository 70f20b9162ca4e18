"""What the commands of the command line do, one file a part; each is imported only when called."""
