package audit

import (
	"bytes"
	"context"
	"iter"
	"slices"
	"sync"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/store"
)

// Patients collects whom the resources that pass through an interaction are about: a Patient itself, and each that a resource refers to anywhere. That is more than its compartment, which is
// right for an account of who was told what about whom. It is safe for concurrent use.
type Patients struct {
	mu   sync.Mutex
	ids  []string
	seen map[string]struct{} // of ids, when they are many
}

// manyPatients is from how many on a set is quicker than a list.
const manyPatients = 16

// Add looks through the bytes of a resource. It does not parse them: the name of the type in a reference is found as text, and then looked at.
func (p *Patients) Add(key fhir.Key, json []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if key.Type == patientType {
		p.add([]byte(key.ID))
	}
	for rest := json; ; {
		i := bytes.Index(rest, []byte(patientSlash))
		if i < 0 {
			return
		}
		id := idAt(rest[i+len(patientSlash):])
		if len(id) > 0 && isReference(rest[:i]) {
			p.add(id)
		}
		rest = rest[i+len(patientSlash):]
	}
}

func (p *Patients) add(id []byte) {
	if n := len(p.ids); n > 0 && p.ids[n-1] == string(id) {
		return // most pages are about one patient
	}
	if p.seen == nil {
		if slices.ContainsFunc(p.ids, func(known string) bool { return known == string(id) }) {
			return
		}
		if len(p.ids) >= manyPatients {
			p.seen = make(map[string]struct{}, 2*manyPatients)
			for _, known := range p.ids {
				p.seen[known] = struct{}{}
			}
		}
	}
	text := string(id)
	if p.seen != nil {
		if _, known := p.seen[text]; known {
			return
		}
		p.seen[text] = struct{}{}
	}
	p.ids = append(p.ids, text)
}

// IDs returns the ids of the patients, in the order in which they were found; none of a nil *Patients.
func (p *Patients) IDs() []string {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.ids)
}

const (
	patientType  = "Patient"
	patientSlash = patientType + "/"
	referenceKey = `"reference"`
)

// idAt is the id that text begins with, which must end a JSON string or be followed by a version.
func idAt(text []byte) []byte {
	end := 0
	for end < len(text) && end <= 64 && text[end] != '"' && text[end] != '/' {
		end++
	}
	if end == 0 || end == len(text) || !fhir.IsID(string(text[:end])) || text[end] == '/' && !bytes.HasPrefix(text[end:], []byte("/_history/")) {
		return nil
	}
	return text[:end]
}

// isReference reports whether text ends in the member "reference" and the beginning of its string. Only relative references count: those to other servers are about other patients, and
// those on the own base were stored as relative ones or mean somebody the base does not tell.
func isReference(text []byte) bool {
	if bytes.HasSuffix(text, []byte(referenceKey+`:"`)) {
		return true
	}
	text, quoted := bytes.CutSuffix(text, []byte{'"'})
	if !quoted {
		return false
	}
	text, isMember := bytes.CutSuffix(withoutSpace(text), []byte{':'})
	return isMember && bytes.HasSuffix(withoutSpace(text), []byte(referenceKey))
}

// withoutSpace is text without JSON white space at its end.
func withoutSpace(text []byte) []byte {
	for len(text) > 0 {
		switch text[len(text)-1] {
		case ' ', '\t', '\r', '\n':
			text = text[:len(text)-1]
		default:
			return text
		}
	}
	return text
}

// references are the relative references in a resource.
func references(json []byte) iter.Seq[fhir.Key] {
	return func(yield func(fhir.Key) bool) {
		root, err := fhir.Parse(json)
		if err != nil {
			return
		}
		for n := range root.Descendants() {
			if n.KeyIs("reference") && n.Kind() == fhir.String {
				if ref := fhir.ParseReference(n.Text()); ref.Base == "" && ref.Key.Type != "" && !yield(ref.Key) {
					return
				}
			}
		}
	}
}

// collectorKey is where a context carries a *Patients.
type collectorKey struct{}

// Collecting returns a context under which the store of [Over] adds all that it returns to p.
func Collecting(ctx context.Context, p *Patients) context.Context {
	return context.WithValue(ctx, collectorKey{}, p)
}

// collector is the one of a context; nil when there is none.
func collector(ctx context.Context) *Patients {
	p, _ := ctx.Value(collectorKey{}).(*Patients)
	return p
}

func (p *Patients) addAll(versions []store.Version) {
	for i := range versions {
		p.Add(versions[i].Key, versions[i].JSON)
	}
}
