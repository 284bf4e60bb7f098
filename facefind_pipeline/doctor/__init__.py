"""What `facefind doctor` looks at: one small function per check, all of them listed in `checks`.

Each reads and changes nothing. It says what it found in plain words and, where something is wrong, what to do.
"""
