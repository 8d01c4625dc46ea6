package path

// checkCall checks a function call and what its arguments are evaluated on.
func (k *checker) checkCall(e *call, focus static) (static, error) {
	f := k.functions[e.name]
	input := focus
	if e.target != nil {
		var err error
		if input, err = k.check(e.target, focus); err != nil {
			return static{}, err
		}
	}
	if err := k.checkInput(e, f, input); err != nil {
		return static{}, err
	}
	if f.takes == typeSpecifier {
		if f.follows == nothingKnown {
			return ofKind(f.result), nil
		}
		name, _ := typeArgument(e.args[0])
		s := k.named(name)
		s.many, s.unordered = input.many, input.unordered
		return s, nil
	}
	args, err := k.checkArguments(e, input, focus)
	if err != nil {
		return static{}, err
	}
	switch {
	case f.follows == theInput:
		if e.name == "first" || e.name == "last" || e.name == "single" {
			return input.one(), nil
		}
		return input, nil
	case f.follows == theArgument:
		args[0].many = true
		return args[0], nil
	case f.follows == theTree:
		return static{many: true, unordered: true}, nil
	case e.name == "extension":
		return ofFHIR(k.defs.Type("Extension"), true), nil
	case f.result != None:
		s := ofKind(f.result)
		s.many = e.name == "toChars" || e.name == "split"
		return s, nil
	}
	return static{many: true}, nil
}

// checkInput checks that the function can work on its input.
func (k *checker) checkInput(e *call, f *function, input static) error {
	ok, needs := true, ""
	switch f.input {
	case stringInput, stringsInput:
		ok, needs = input.converts(String), "a String"
	case booleanInput:
		ok, needs = input.converts(Boolean), "Booleans"
	case numberInput:
		ok, needs = input.converts(Integer, Decimal, QuantityKind), "a number"
	case orderedInput:
		ok, needs = !input.unordered, "items in order, those of children() and descendants() have none"
	}
	if !ok {
		found := ""
		if f.input != orderedInput {
			found = ", found " + describeTypes(input)
		}
		return k.fail(e.at, "%s() needs %s%s", e.name, needs, found)
	}
	return nil
}

// checkArguments checks the arguments: on each item of the input where the function evaluates them there, on the focus otherwise.
func (k *checker) checkArguments(e *call, input, focus static) ([]static, error) {
	on := focus
	switch e.name {
	case "where", "select", "all", "exists", "repeat", "aggregate", "trace", "sort":
		on = input.one()
	case "iif":
		if e.target != nil {
			on = input.one()
		}
	}
	if e.name == "repeat" {
		on = static{} // also on its own results
	}
	args := make([]static, len(e.args))
	for i, arg := range e.args {
		s, err := k.check(arg, on)
		if err != nil {
			return nil, err
		}
		args[i] = s
	}
	if e.name == "iif" && args[0].known && (args[0].many || !args[0].converts(Boolean)) {
		return nil, k.fail(at(e.args[0].offset()), "iif() needs a Boolean condition, found %s", describeTypes(args[0]))
	}
	return args, nil
}
