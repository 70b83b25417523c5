"""What several kinds of test share: programs to start, doubles, assertions."""
