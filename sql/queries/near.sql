-- Within so many metres of a position: haversines, on the mean sphere.
AND 2 * 6371008.8 * asin(least(1, sqrt(
        sin(radians(latitude - %(latitude)s) / 2) ^ 2
        + cos(radians(latitude)) * cos(radians(%(latitude)s)) * sin(radians(longitude - %(longitude)s) / 2) ^ 2
    ))) <= %(metres)s
