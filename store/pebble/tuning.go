package pebble

// tuning holds the thresholds between strategies. They are fields so that tests can cross them with a handful of resources.
type tuning struct {
	// boundedCost is how many index entries a bounded total may cost beyond the page.
	boundedCost int

	// lazyTests is how many candidates are tested before wide ranges are gathered into bitmaps.
	lazyTests int

	// fewMatches is how many matches are sorted in memory rather than found by walking the sort index.
	fewMatches int

	// gatherAtOnce is how many matches are gathered into a bitmap before a sort index is walked, rather than tested on the way, when postings give them.
	gatherAtOnce int

	// walkPatience is how many entries of a sort index are passed for each match before all matches are sorted in memory after all.
	walkPatience int

	// smallRange is how many entries of a range are read to find out that it is small.
	smallRange int

	// smallHot is how many hot keys are read to find out that they are few.
	smallHot int

	// smallLinks is what finding the resources that references lead to may cost at first; beyond it they are looked at one by one.
	smallLinks int

	// headLength is how many postings are read to guess the number of all.
	headLength int

	// maxUnion is how many postings are merged on the fly; more are gathered first.
	maxUnion int

	// firstGather is what gathering a range may cost at first when nothing bounds the candidates.
	firstGather int
}

func defaultTuning() tuning {
	return tuning{boundedCost: 10_000, lazyTests: 400, fewMatches: 500, gatherAtOnce: 20_000, walkPatience: 50, smallRange: 256, smallHot: 512, smallLinks: 4000, headLength: 48, maxUnion: 16,
		firstGather: 1 << 17}
}
