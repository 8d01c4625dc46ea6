package path

func filterFunctions() []function {
	return []function{
		{name: "where", min: 1, max: 1, run: where, follows: theInput},
		{name: "select", min: 1, max: 1, run: selectItems, follows: theArgument},
		{name: "repeat", min: 1, max: 1, run: repeat, follows: theArgument},
		{name: "ofType", min: 1, max: 1, run: ofType, takes: typeSpecifier, follows: theType},
		{name: "is", min: 1, max: 1, run: isType, takes: typeSpecifier, result: Boolean},
		{name: "as", min: 1, max: 1, run: asType, takes: typeSpecifier, follows: theType},
		{name: "aggregate", min: 1, max: 2, run: aggregate},
		{name: "sort", max: many, run: sortItems, takes: sortKeys, follows: theInput},
	}
}

func where(m *machine, in *invocation, mark int) error {
	outer := m.scope()
	n, kept := len(m.stack), mark
	for i := mark; i < n; i++ {
		m.this, m.index = m.stack[i], i-mark
		t, err := m.test(in.at, in.args[0].code)
		if err != nil {
			return err
		}
		if t == yes {
			m.stack[kept] = m.stack[i]
			kept++
		}
	}
	m.leave(outer)
	m.truncate(kept)
	return nil
}

func selectItems(m *machine, in *invocation, mark int) error {
	outer := m.scope()
	n := len(m.stack)
	for i := mark; i < n; i++ {
		if err := m.spend(in.at, 1); err != nil {
			return err
		}
		m.this, m.index = m.stack[i], i-mark
		if err := in.args[0].code(m); err != nil {
			return err
		}
	}
	m.leave(outer)
	m.collapse(mark, n)
	return nil
}

// repeat applies the projection to its own results until nothing new comes.
func repeat(m *machine, in *invocation, mark int) error {
	outer := m.scope()
	set := &itemSet{m: m, where: in.at}
	next := len(m.stack) // items from next on are new results, which the projection has not seen
	for i := mark; i < len(m.stack); i++ {
		if err := m.spend(in.at, 1); err != nil {
			return err
		}
		m.this, m.index = m.stack[i], i-mark
		from := len(m.stack)
		if err := in.args[0].code(m); err != nil {
			return err
		}
		kept := from
		for j := from; j < len(m.stack); j++ {
			fresh, err := set.add(&m.stack[j])
			if err != nil {
				return err
			}
			if fresh {
				m.stack[kept] = m.stack[j]
				kept++
			}
		}
		m.truncate(kept)
	}
	m.leave(outer)
	m.collapse(mark, next)
	return nil
}

// ofType keeps the items of the type.
func ofType(m *machine, in *invocation, mark int) error {
	kept := mark
	for i := mark; i < len(m.stack); i++ {
		if in.args[0].matcher.matches(&m.stack[i]) {
			m.stack[kept] = m.stack[i]
			kept++
		}
	}
	m.truncate(kept)
	return nil
}

func isType(m *machine, in *invocation, mark int) error {
	v, ok, err := m.one(in.at, mark)
	if err != nil || !ok {
		return err
	}
	return m.yield(mark, newBoolean(in.args[0].matcher.matches(&v)))
}

// asType is ofType for at most one item.
func asType(m *machine, in *invocation, mark int) error {
	if _, _, err := m.one(in.at, mark); err != nil {
		return err
	}
	return ofType(m, in, mark)
}

func aggregate(m *machine, in *invocation, mark int) error {
	outer, total := m.scope(), m.total
	m.total = nil
	n := len(m.stack)
	if len(in.args) == 2 {
		if err := in.args[1].code(m); err != nil {
			return err
		}
		m.total = append(Collection(nil), m.stack[n:]...)
		m.truncate(n)
	}
	for i := mark; i < n; i++ {
		m.this, m.index = m.stack[i], i-mark
		if err := in.args[0].code(m); err != nil {
			return err
		}
		if err := m.spend(in.at, 1+len(m.stack)-n); err != nil {
			return err
		}
		m.total = append(m.total[:0:0], m.stack[n:]...)
		m.truncate(n)
	}
	m.truncate(mark)
	m.stack = append(m.stack, m.total...)
	m.leave(outer)
	m.total = total
	return nil
}
