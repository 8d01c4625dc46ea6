// Package statistics computes what Observation/$stats answers, exactly.
//
// It owns the definitions of the statistics of R4 (observation-operation-stats.html) and their arithmetic, and knows nothing of resources: the server hands
// it values and times. Sums and moments are computed on integers and fractions; only the result is rounded.
//
// # Definitions
//
//   - variance and std-dev are those of a sample (divided by n-1);
//   - percentiles, quartiles and quintiles are interpolated between the closest ranks (0 is the minimum, 1 the maximum, as NumPy and spreadsheets do);
//   - 4-dev is half the distance between the quartiles;
//   - skew is m3/m2^1.5 and kurtosis is m4/m2^2, with the central moments of the values (3 for a normal distribution);
//   - regression is the line of least squares over hours since the start that the caller names; times count in whole microseconds.
//
// # Scale
//
// Minimum, maximum and sum are exact. Everything else has [ExtraDigits] more digits behind the point than the value with the most, halves rounded away from
// zero. Zeros at the end are dropped from all of them.
package statistics
