package search

import "strings"

// compositeKeys gives the conditions on keys of an index for one value, relative to its prefix: every combination of what the components ask for.
func (r *Registry) compositeKeys(ix *index, s segment) ([]Keys, error) {
	values := s.split('$')
	if len(values) != len(ix.parts) {
		codes := make([]string, len(ix.parts))
		for i, p := range ix.parts {
			codes[i] = p.code
		}
		return nil, s.failf("a value for each of %s is needed, with $ between them; write \\$ for one that belongs to a value", strings.Join(codes, "$"))
	}
	heads, err := r.firstComponent(&ix.parts[0], values[0])
	if err != nil {
		return nil, err
	}
	seconds, err := r.secondComponent(&ix.parts[1], values[1])
	if err != nil {
		return nil, err
	}
	thirds := []Keys{{}}
	if len(values) == 3 {
		if thirds, err = r.thirdComponent(&ix.parts[2], values[2]); err != nil {
			return nil, err
		}
	}
	var all []Keys
	for _, head := range heads {
		for _, second := range seconds {
			for _, third := range thirds {
				all = append(all, joinComponents(head, second, third))
			}
		}
	}
	return all, nil
}

// joinComponents puts the conditions on one key together. Of the first only Lo and Contains count: its keys all begin with Lo.
func joinComponents(head, second, third Keys) Keys {
	k := second.under(string(formComposite) + head.Lo)
	k.Contains = append(append(append([]string(nil), head.Contains...), second.Contains...), third.Contains...)
	if third.TailHi != "" {
		k.TailLo, k.TailHi = third.TailLo, third.TailHi
	}
	return k
}

func (r *Registry) firstComponent(p *part, s segment) ([]Keys, error) {
	if p.kind == token {
		t, err := readToken(s)
		if err != nil {
			return nil, err
		}
		if !t.hasCode {
			return nil, s.failf("the first component of a composite needs a code")
		}
		return t.componentKeys(p, "0"), nil
	}
	return r.secondComponent(p, s)
}

// secondComponent gives ranges of what follows the first head.
func (r *Registry) secondComponent(p *part, s segment) ([]Keys, error) {
	switch p.kind {
	case token:
		t, err := readToken(s)
		if err != nil {
			return nil, err
		}
		return t.componentKeys(p, "1"), nil
	case quantity:
		return r.quantityKeys(s, "1")
	case number:
		return numberKeys(s)
	case date:
		return dateKeys(s, p.instant)
	case text:
		k, err := stringKeys("", s)
		return []Keys{k}, err
	case reference:
		keys, err := r.referenceKeys(&Param{Targets: p.targets}, "", s)
		return wholeFields(keys), err
	}
	keys, err := uriKeys("", s)
	return wholeFields(keys), err
}

// wholeFields turns single keys into heads, which more fields follow.
func wholeFields(keys []Keys) []Keys {
	for i, k := range keys {
		keys[i] = withPrefix(k.Lo + Separator)
	}
	return keys
}

// thirdComponent gives filters only.
func (r *Registry) thirdComponent(p *part, s segment) ([]Keys, error) {
	switch p.kind {
	case number:
		asked, err := numberSpan(s)
		return asked.tails(), err
	case token:
		t, err := readToken(s)
		if err != nil {
			return nil, err
		}
		keys := t.componentKeys(p, "2")
		if t.hasCode {
			for i := range keys {
				keys[i].Contains = append(keys[i].Contains, Separator+"2"+string(formToken)+t.code+Separator)
			}
		}
		return keys, nil
	}
	heads, err := r.secondComponent(p, s)
	for i, k := range heads {
		heads[i] = Keys{Contains: []string{Separator + "2" + k.Lo}}
	}
	return heads, err
}

// componentKeys gives the range of the head of a token and the filter on its system. None where nothing can match.
func (t tokenAsked) componentKeys(p *part, label string) []Keys {
	k := withPrefix(string(formToken))
	if t.hasCode {
		k = withPrefix(string(formToken) + t.code + Separator)
	}
	switch {
	case !t.hasSystem:
	case p.system == "":
		k.Contains = []string{Separator + label + "S" + t.system + Separator}
	case t.system != "" && t.system != p.system:
		return nil
	}
	return []Keys{k}
}

// under puts the range behind a prefix.
func (k Keys) under(prefix string) Keys {
	k.Lo = prefix + k.Lo
	k.Hi = prefix + k.Hi
	return k
}
