package path

import "slices"

func utilityFunctions() []function {
	return []function{
		{name: "trace", min: 1, max: 2, run: trace, follows: theInput},
		{name: "now", run: clock(DateTime, toFraction), result: DateTime},
		{name: "today", run: clock(Date, toDay), result: Date},
		{name: "timeOfDay", run: clock(Time, toFraction), result: Time},
		{name: "type", run: typeOf, result: TypeInfo},
	}
}

func trace(m *machine, in *invocation, mark int) error {
	name, _, err := m.textArgument(in, 0)
	if err != nil || m.env.Trace == nil {
		return err
	}
	n := len(m.stack)
	from := mark
	if len(in.args) == 2 {
		outer := m.scope()
		for i := mark; i < n; i++ {
			m.this, m.index = m.stack[i], i-mark
			if err := in.args[1].code(m); err != nil {
				return err
			}
		}
		m.leave(outer)
		from = n
	}
	m.env.Trace(name, slices.Clone(m.stack[from:]))
	m.truncate(n)
	return nil
}

func clock(kind Kind, p precision) func(m *machine, in *invocation, mark int) error {
	return func(m *machine, _ *invocation, mark int) error {
		return m.yield(mark, newTemporal(temporalOf(kind, m.clock(), p)))
	}
}

// typeOf gives each item's type as a SimpleTypeInfo.
func typeOf(m *machine, _ *invocation, mark int) error {
	for i := mark; i < len(m.stack); i++ {
		v := m.stack[i]
		m.stack[i] = newTypeInfo(v.Namespace(), v.TypeName())
	}
	return nil
}

// sortItems orders the input by itself or by the keys; items without a key come first, and a minus sign before a key reverses its order.
func sortItems(m *machine, in *invocation, mark int) error {
	n := len(m.stack)
	keys := max(1, len(in.args))
	type row struct {
		item Value
		keys []Value
	}
	rows := make([]row, 0, n-mark)
	outer := m.scope()
	for i := mark; i < n; i++ {
		r := row{m.stack[i], make([]Value, keys)}
		m.this, m.index = m.stack[i], i-mark
		r.keys[0] = m.this.asSystem()
		for k, arg := range in.args {
			v, ok, err := m.argument(in.at, arg.code)
			if err != nil {
				return err
			}
			if !ok {
				v = Value{}
			}
			r.keys[k] = v
		}
		if err := m.spend(in.at, 16); err != nil {
			return err
		}
		rows = append(rows, r)
	}
	m.leave(outer)
	problem := ""
	slices.SortStableFunc(rows, func(a, b row) int {
		for k := range keys {
			order := m.sortOrder(&a.keys[k], &b.keys[k], &problem)
			if k < len(in.args) && in.args[k].reverse {
				order = -order
			}
			if order != 0 {
				return order
			}
		}
		return 0
	})
	if problem != "" {
		return m.fail(in.at, "%s", problem)
	}
	for i := range rows {
		m.stack[mark+i] = rows[i].item
	}
	return nil
}

func (m *machine) sortOrder(a, b *Value, problem *string) int {
	switch {
	case a.kind == None && b.kind == None:
		return 0
	case a.kind == None:
		return -1
	case b.kind == None:
		return 1
	}
	order, _, trouble := m.compare(a, b)
	if trouble != "" {
		*problem = trouble
	}
	return order
}
