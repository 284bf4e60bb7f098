"""What is known of dlib's network before any event: the constants of `facefind_pipeline/search/priors.py`.

    python -m bench.prior LFW

LFW has a folder of portraits for each person, as Labeled Faces in the Wild. All pairs of portraits are compared.
"""

import argparse
from pathlib import Path

import numpy as np

from bench.portraits import central, faces_in
from facefind_pipeline.search.distances import L2, in_metric, on_grid, squared_distances
from facefind_pipeline.search.histogram import Histogram
from facefind_pipeline.search.two_groups import through_far_half, through_near_tail
from facefind_pipeline.set_names import ALIASES

LOWEST, FACTOR = 1e-3, 100  # of the near tail: as near as cuts ask for, and as far as events with few pairs fit it
SHARES = (1e-4, 1e-3, 1e-2, 0.1, 0.5, 0.9)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("portraits", type=Path, metavar="LFW")
    folder = parser.parse_args().portraits
    faces = faces_in(folder, ALIASES["recommended"])
    chosen = central(faces)
    vectors = on_grid(faces.vectors[chosen], L2)
    people = np.array([Path(photo).parts[0] for photo in faces.photos[chosen]])
    one, other = np.triu_indices(len(people), 1)
    distances = in_metric(np.maximum(0.0, squared_distances(vectors, vectors)), L2)[one, other]
    same = people[one] == people[other]
    print(f"{len(people)} portraits of {len(set(people))} people")
    strangers = Histogram()
    strangers.add(distances[~same])
    print(f"two people, {int((~same).sum())} pairs:")
    print(f"  far half {through_far_half(strangers.counts)}")
    print(f"  near tail {through_near_tail(strangers.counts, LOWEST, FACTOR)}")
    for share in SHARES:
        print(f"  {share:g} of pairs nearer than {np.quantile(distances[~same], share):.3f}")
    genuine = np.log(distances[same])
    print(f"one person, {len(genuine)} pairs: location {genuine.mean():.3f}, spread {genuine.std():.3f}")


if __name__ == "__main__":
    main()
