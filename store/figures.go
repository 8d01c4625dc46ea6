package store

// Figures is of stores that tell about themselves what can be watched.
type Figures interface {
	// Figures are those of this moment by name: that of Prometheus behind the prefix firth_store_. Names that end in _total only grow while the store is open.
	// A store that is closed may have none.
	Figures() map[string]float64
}

// LabelledFigures is of stores that also tell what goes apart by a label, such as commands by their name.
type LabelledFigures interface {
	// LabelledFigures are those of this moment, in no particular order. The figures of one name have one label, and no name is one of [Figures].
	LabelledFigures() []Figure
}

// Figure is a number by a label.
type Figure struct {
	Name  string // as in [Figures]
	Label string // what it goes apart by
	Of    string // the value of the label; never anything that a client sent
	Value float64
}
