"""What people are given: galleries, where results and pixels meet."""
