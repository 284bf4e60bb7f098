"""`make bench`: each benchmark in turn."""

from bench import index

index.main()
