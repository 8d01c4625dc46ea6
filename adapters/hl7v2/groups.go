package hl7v2

// group is one level of the tree: the whole message, a patient, an order, an observation or a specimen. Segments are positions in Message.Segments.
type group struct {
	single       []int    // segments that come once in this group, each under its name
	lists        [][]int  // the others, those with one name together
	notes        []int    // NTE
	observations []*group // of an order, or of a specimen
	specimens    []*group // of an order; of the message or patient in OUL
	orders       []*group // of a message or patient; of a specimen in OUL
	patients     []*group // of a message about several patients; otherwise the patient's members are the message's own
}

// grouper reads segments in order and keeps the groups that are open, from the outside in.
type grouper struct {
	segments      []Segment
	root          *group
	several       bool // patients
	fromSpecimens bool // OUL: specimens hold orders, not the other way about
	patient       *group
	specimen      *group
	order         *group
	observation   *group
}

// grouped arranges the segments as doc.go describes.
func grouped(segments []Segment) (*group, error) {
	g := &grouper{segments: segments, root: &group{}}
	g.fromSpecimens = segments[0].Field(9).Text() == "OUL"
	g.several = patientCount(segments) > 1
	if !g.several {
		g.patient = g.root
	}
	for i, s := range segments {
		if err := g.add(i, s.Name); err != nil {
			return nil, err
		}
	}
	return g.root, nil
}

func patientCount(segments []Segment) int {
	n := 0
	for _, s := range segments {
		if s.Name == "PID" {
			n++
		}
	}
	return n
}

func (g *grouper) add(i int, name string) error {
	switch name {
	case headerName:
		g.root.single = append(g.root.single, i)
	case "PID":
		if g.several {
			g.patient = &group{}
			g.root.patients = append(g.root.patients, g.patient)
		}
		g.specimen, g.order, g.observation = nil, nil, nil
		g.patient.single = append(g.patient.single, i)
	case "PD1", "PV1", "PV2":
		return g.addOnce(i, name)
	case "ORC", "OBR":
		g.addOrder(i, name)
	case "SPM":
		g.addSpecimen(i)
	case "OBX":
		g.addObservation(i)
	case "NTE":
		g.innermost().notes = append(g.innermost().notes, i)
	default:
		g.level(name).addListed(i, g.segments)
	}
	return nil
}

// addOnce places a segment of which a patient has one; a second one would otherwise be lost or hide the first.
func (g *grouper) addOnce(i int, name string) error {
	if g.patient == nil {
		return &Error{Segment: i + 1, Name: name, Reason: "segment comes before the PID that it belongs to"}
	}
	if g.has(g.patient, name) {
		return &Error{Segment: i + 1, Name: name, Reason: "segment comes twice for one patient"}
	}
	g.patient.single = append(g.patient.single, i)
	return nil
}

func (g *grouper) has(in *group, name string) bool {
	for _, i := range in.single {
		if g.segments[i].Name == name {
			return true
		}
	}
	return false
}

// addOrder joins ORC and OBR of one order, which come in this sequence in ORU and the other way about in OUL, or opens the next order.
func (g *grouper) addOrder(i int, name string) {
	partner := "ORC"
	if name == "ORC" {
		partner = "OBR"
	}
	sequence := g.fromSpecimens == (name == "ORC")
	joins := g.order != nil && sequence && g.has(g.order, partner) && !g.has(g.order, name) && len(g.order.observations) == 0
	if !joins {
		g.openOrder()
	}
	g.order.single = append(g.order.single, i)
	g.observation = nil
}

func (g *grouper) openOrder() {
	parent := g.orderless()
	if g.fromSpecimens && g.specimen != nil {
		parent = g.specimen
	} else {
		g.specimen = nil
	}
	g.order = &group{}
	parent.orders = append(parent.orders, g.order)
}

// orderless is where orders go: the patient, or the message when several patients are expected and none came yet.
func (g *grouper) orderless() *group {
	if g.patient != nil {
		return g.patient
	}
	return g.root
}

func (g *grouper) addSpecimen(i int) {
	if g.fromSpecimens {
		g.order = nil
	}
	parent := g.order
	if parent == nil {
		parent = g.orderless()
	}
	g.specimen, g.observation = &group{single: []int{i}}, nil
	parent.specimens = append(parent.specimens, g.specimen)
}

func (g *grouper) addObservation(i int) {
	parent := g.order
	if g.specimen != nil && (!g.fromSpecimens || g.order == nil) {
		parent = g.specimen
	}
	if parent == nil {
		g.openOrder()
		parent = g.order
	}
	g.observation = &group{single: []int{i}}
	parent.observations = append(parent.observations, g.observation)
}

func (g *grouper) innermost() *group {
	inner := []*group{g.observation, g.specimen, g.order, g.patient}
	if g.fromSpecimens {
		inner[1], inner[2] = g.order, g.specimen
	}
	for _, open := range inner {
		if open != nil {
			return open
		}
	}
	return g.root
}

// level is the group of a segment that may come several times. Those that the standard has with the patient or the order stay out of an open observation.
func (g *grouper) level(name string) *group {
	switch name {
	case "SFT", "UAC", "DSC":
		return g.root
	case "NK1", "GT1", "IN1", "IN2", "IN3", "AL1", "ARV", "MRG", "ACC":
		return g.orderless()
	case "TQ1", "TQ2", "CTD", "FT1", "CTI", "TXA":
		if g.order != nil {
			return g.order
		}
	}
	return g.innermost()
}

func (to *group) addListed(i int, segments []Segment) {
	for k, list := range to.lists {
		if segments[list[0]].Name == segments[i].Name {
			to.lists[k] = append(list, i)
			return
		}
	}
	to.lists = append(to.lists, []int{i})
}

// Patients returns one message for each patient that the message is about, with the header and all that precedes the first PID in each; the message
// itself when it is about one patient or none.
func (m *Message) Patients() ([]*Message, error) {
	if patientCount(m.Segments) < 2 {
		return []*Message{m}, nil
	}
	var starts []int
	for i, s := range m.Segments {
		if s.Name == "PID" {
			starts = append(starts, i)
		}
	}
	var split []*Message
	for k, from := range starts {
		to := len(m.Segments)
		if k+1 < len(starts) {
			to = starts[k+1]
		}
		one := &Message{coding: m.coding}
		one.Segments = append(one.Segments, m.Segments[:starts[0]]...)
		one.Segments = append(one.Segments, m.Segments[from:to]...)
		var err error
		if one.root, err = grouped(one.Segments); err != nil {
			return nil, err
		}
		split = append(split, one)
	}
	return split, nil
}
