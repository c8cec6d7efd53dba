"""What is done with the record: use cases that need both rules and store, a function each."""
