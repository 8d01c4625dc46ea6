package search

// kind is the type of a search parameter as far as its keys are concerned.
type kind string

const (
	number    kind = "number"
	date      kind = "date"
	text      kind = "string"
	phonetic  kind = "phonetic" // a string parameter whose xpathUsage is phonetic
	token     kind = "token"
	reference kind = "reference"
	composite kind = "composite"
	quantity  kind = "quantity"
	uri       kind = "uri"
	position  kind = "position" // near
	filtering kind = "filter"   // _filter
	listing   kind = "list"     // _list
	fulltext  kind = "words"    // _text and _content
)
