// Package waveform cuts time slices out of sampled signals and reduces them.
//
// It owns the arithmetic of SampledData (R4 datatypes.html#SampledData): where in time a sample is, how pieces are put together, and what stays when there are
// too many points. Samples stay the texts they are, so no digit is lost; times are computed in fractions. It knows nothing of resources: the server reads
// them into a [Piece] and writes the [Slice].
//
// # Putting together
//
// All pieces must have the same period, dimensions and unit. The first sample of the slice sets the grid; other pieces are put on the nearest place of it, which is
// at most half a period away. Where pieces overlap the one that began earlier counts, unless its sample is E. Where there is nothing, E is put. When origin or
// factor differ, the slice has the origin 0 and the factor 1 and the samples are computed, exactly. L and U need limits; when limits differ they
// cannot be told any more, and such pieces are refused.
//
// # Reduction
//
// The slice is cut into stretches of equal length. Min-max keeps of each the smallest and the largest sample in their order; LTTB (largest triangle, three buckets;
// Steinarsson 2013) keeps the one that with its neighbours makes the largest triangle. The period grows accordingly, so a point is shown at its place
// within the stretch up to the length of one. L is below and U above all numbers; E counts only in a stretch of nothing else.
package waveform
