package patch

import (
	"github.com/firth-health/firth/fhir"
)

// JSON applies a JSON Patch (RFC 6902) to a resource and returns the new JSON. See the package comment for errors.
func JSON(res *fhir.Resource, patch fhir.Node) ([]byte, error) {
	return applyJSON(res.Root(), patch, res.Type(), identityOf(res))
}

// ApplyJSON is [JSON] for any document, without anything immutable.
func ApplyJSON(doc, patch fhir.Node) ([]byte, error) {
	return applyJSON(doc, patch, "", nil)
}

// change is one operation of a JSON Patch.
type change struct {
	op         string
	path, from pointer
	value      fhir.Node
}

func applyJSON(doc, patch fhir.Node, typ string, fixed *identity) ([]byte, error) {
	if patch.Kind() != fhir.Array {
		return nil, fhir.Invalidf(fhir.CodeStructure, "", "a JSON Patch is an array of operations")
	}
	changes := make([]change, 0, 4)
	for n := range patch.Children() {
		c, err := readChange(n)
		if err != nil {
			return nil, outcome(len(changes), n.Get("op").Text(), shown(n.Get("path").Text()), "", err)
		}
		changes = append(changes, c)
	}
	p := jsonPatch{root: valueOf(doc), work: maxWork}
	for i, c := range changes {
		err := p.apply(c)
		if err == nil && fixed != nil && c.op != "test" {
			err = fixed.check(p.root)
		}
		if err != nil {
			return nil, outcome(i, c.op, shown(c.path.String()), c.path.expression(typ), err)
		}
	}
	result, err := document(p.root, len(doc.Raw())+len(patch.Raw()))
	if err != nil {
		return nil, fhir.Invalidf(fhir.CodeProcessing, typ, "%v", err)
	}
	return result.Raw(), nil
}

// readChange reads one operation. Members that RFC 6902 does not define are ignored, as it asks (4).
func readChange(n fhir.Node) (change, error) {
	var c change
	if n.Kind() != fhir.Object {
		return c, problemf(fhir.CodeStructure, "an operation is an object")
	}
	c.op = n.Get("op").Text()
	var err error
	if c.path, err = pointerMember(n, "path"); err != nil {
		return c, err
	}
	switch c.op {
	case "add", "replace", "test":
		if c.value = n.Get("value"); !c.value.Ok() {
			return c, problemf(fhir.CodeStructure, `"value" is missing`)
		}
	case "move", "copy":
		if c.from, err = pointerMember(n, "from"); err != nil {
			return c, err
		}
		if c.op == "move" && c.from.contains(c.path) {
			return c, problemf(fhir.CodeInvalid, "a value cannot be moved into itself")
		}
	case "remove":
	default:
		return c, problemf(fhir.CodeInvalid, `"op" is add, remove, replace, move, copy or test`)
	}
	return c, nil
}

func pointerMember(n fhir.Node, name string) (pointer, error) {
	member := n.Get(name)
	if member.Kind() != fhir.String {
		return nil, problemf(fhir.CodeStructure, "%q is missing or not a string", name)
	}
	p, err := parsePointer(member.Text())
	if err != nil {
		return nil, problemf(fhir.CodeInvalid, "%q: %v", name, err)
	}
	return p, nil
}

// jsonPatch is a document being changed.
type jsonPatch struct {
	root *value
	work budget
}

// costOfOperation is spent for each operation, so that a long list of them is bounded too.
const costOfOperation = 256

func (p *jsonPatch) apply(c change) error {
	if err := p.work.spend(costOfOperation); err != nil {
		return err
	}
	switch c.op {
	case "add":
		return p.add(c.path, valueOf(c.value))
	case "remove":
		_, err := p.remove(c.path)
		return err
	case "replace":
		return p.replace(c.path, valueOf(c.value))
	case "move":
		return p.move(c.from, c.path)
	case "copy":
		found, err := p.find(c.from)
		if err != nil {
			return err
		}
		v, err := found.clone(&p.work, fhir.DefaultLimits.Depth)
		if err != nil {
			return err
		}
		return p.add(c.path, v)
	}
	return p.test(c)
}

func (p *jsonPatch) test(c change) error {
	found, err := p.find(c.path)
	if err != nil {
		return err
	}
	same, err := equal(found, valueOf(c.value), &p.work, fhir.DefaultLimits.Depth)
	if err == nil && !same {
		err = problemf(fhir.CodeProcessing, "the value is not the one tested for")
	}
	return err
}

// find follows a pointer to what exists.
func (p *jsonPatch) find(path pointer) (*value, error) {
	v := p.root
	for i := range path {
		at, err := p.step(v, path[:i+1])
		if err != nil {
			return nil, err
		}
		v = v.parts[at].value
	}
	return v, nil
}

// step returns the place in v of the last token of path.
func (p *jsonPatch) step(v *value, path pointer) (int, error) {
	token := path[len(path)-1]
	switch v.kind {
	case fhir.Object:
		if err := p.work.spend(len(v.open())); err != nil {
			return 0, err
		}
		if i := v.find(token); i >= 0 {
			return i, nil
		}
	case fhir.Array:
		i, ok := arrayIndex(token)
		switch {
		case token == "-":
			return 0, problemf(fhir.CodeProcessing, "%s is behind the last item, where nothing exists", shown(path.String()))
		case !ok:
			return 0, problemf(fhir.CodeProcessing, "%s does not exist: the items of an array are numbered from 0, without leading zeros", shown(path.String()))
		case i < len(v.open()):
			return i, nil
		}
		return 0, problemf(fhir.CodeProcessing, "%s does not exist: the array has %d items", shown(path.String()), len(v.parts))
	}
	return 0, problemf(fhir.CodeProcessing, "%s does not exist", shown(path.String()))
}

func (p *jsonPatch) add(path pointer, v *value) error {
	if len(path) == 0 {
		p.root = v
		return nil
	}
	last := len(path) - 1
	parent, err := p.find(path[:last])
	if err != nil {
		return err
	}
	if err := p.work.spend(len(parent.open())); err != nil {
		return err
	}
	switch parent.kind {
	case fhir.Object:
		parent.set(path[last], "", v)
		return nil
	case fhir.Array:
		i, ok := arrayIndex(path[last])
		if path[last] == "-" {
			i, ok = len(parent.parts), true
		}
		if !ok || i > len(parent.parts) {
			return problemf(fhir.CodeProcessing, "the place must be '-' or a number from 0 to %d, the length of the array", len(parent.parts))
		}
		parent.insert(i, part{value: v})
		return nil
	}
	return problemf(fhir.CodeProcessing, "%s is neither an object nor an array", shown(path[:last].String()))
}

func (p *jsonPatch) remove(path pointer) (*value, error) {
	if len(path) == 0 {
		return nil, problemf(fhir.CodeProcessing, "the whole document cannot be removed")
	}
	last := len(path) - 1
	parent, err := p.find(path[:last])
	if err != nil {
		return nil, err
	}
	i, err := p.step(parent, path)
	if err != nil {
		return nil, err
	}
	if err := p.work.spend(len(parent.parts)); err != nil {
		return nil, err
	}
	return parent.remove(i), nil
}

func (p *jsonPatch) replace(path pointer, v *value) error {
	if len(path) == 0 {
		p.root = v
		return nil
	}
	last := len(path) - 1
	parent, err := p.find(path[:last])
	if err != nil {
		return err
	}
	i, err := p.step(parent, path)
	if err != nil {
		return err
	}
	parent.parts[i].value = v
	return nil
}

// move is remove and add (RFC 6902, 4.4); to the same place it changes nothing.
func (p *jsonPatch) move(from, path pointer) error {
	v, err := p.find(from)
	if err != nil || from.String() == path.String() {
		return err
	}
	if len(path) > 0 {
		if v, err = p.remove(from); err != nil {
			return err
		}
	}
	return p.add(path, v)
}
