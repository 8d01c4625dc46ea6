package path

func treeFunctions() []function {
	return []function{
		{name: "children", run: children, follows: theTree},
		{name: "descendants", run: descendants, follows: theTree},
	}
}

func children(m *machine, in *invocation, mark int) error {
	n := len(m.stack)
	for i := mark; i < n; i++ {
		if err := m.pushChildren(in.at, &m.stack[i]); err != nil {
			return err
		}
	}
	m.collapse(mark, n)
	return nil
}

// descendants are the children, their children and so on, level by level.
func descendants(m *machine, in *invocation, mark int) error {
	n := len(m.stack)
	for i := mark; i < len(m.stack); i++ {
		if err := m.pushChildren(in.at, &m.stack[i]); err != nil {
			return err
		}
	}
	m.collapse(mark, n)
	return nil
}
