package search

// Query is a search as a store sees it: parsed, checked and compiled. A store never sees a URL.
type Query struct {
	Type  string // resource type searched
	Plan  Plan
	Sort  []SortKey // empty: order of creation
	Count int       // page size; 0 asks for the total alone
	Total Total

	// Cursor continues where the page that carried it as Next ended; empty for the first page. Opaque outside the store.
	Cursor string

	Include    []Include
	RevInclude []Include

	// MayLag lets a member of the store that is behind the others answer, where its operator wants that: what was written last may be missing. It is for what clients search,
	// never for what something else is decided by.
	MayLag bool

	// Visible narrows what includes bring; nil brings everything. Plan is narrowed by who makes the query ([Narrow]).
	Visible Visibility
}

// SortKey orders by an index value. The sort value of a resource is the smallest (ascending) or largest (descending) remainder of its keys that start
// with one of the prefixes, the prefix cut off, compared bytewise. Resources without a value come last in both directions. Ties, and
// the resources without a value, stand in order of creation, reversed when the first sort key is descending.
type SortKey struct {
	Param      string   // the search parameter as asked, for the self link and explain
	Prefixes   []string // key prefixes, e.g. "date␁l"
	Descending bool
}

// Total says how Bundle.total is wanted (R4 search.html#total).
type Total uint8

// Bounded counts exactly while that is cheap and leaves the total out beyond; it is the default.
const (
	Bounded Total = iota
	NoTotal
	Accurate
)

// Include asks for the targets of Index on resources of Type (_include), or for resources of Type whose Index refers to a match (_revinclude).
type Include struct {
	Type    string
	Index   string
	Target  string // target type; empty for any
	Iterate bool
}
