package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// visitor is a reader or a writer of records.
type visitor interface {
	str(*string)
	num(*uint32)
}

func visitString(s *string, v visitor) { v.str(s) }

// list visits the length of a list and then its items. A reader makes the list first.
func list[T any](v visitor, items *[]T, visit func(*T, visitor)) {
	n := uint32(len(*items))
	v.num(&n)
	if d, ok := v.(*decoder); ok {
		*items = makeList[T](d, n)
	}
	for i := range *items {
		visit(&(*items)[i], v)
	}
}

// makeList allocates a list whose items take at least one byte each, so that a damaged length cannot ask for all memory.
func makeList[T any](d *decoder, n uint32) []T {
	if uint64(n) > uint64(len(d.data)) {
		d.fail("list of %d items in %d bytes", n, len(d.data))
		return nil
	}
	if n == 0 {
		return nil
	}
	return make([]T, n)
}

// encoder collects the records and the strings they use.
type encoder struct {
	records []byte
	index   map[string]uint32
	strings []string
}

func (e *encoder) num(n *uint32) { e.records = binary.AppendUvarint(e.records, uint64(*n)) }

func (e *encoder) str(s *string) {
	i, ok := e.index[*s]
	if !ok {
		i = uint32(len(e.strings))
		e.index[*s] = i
		e.strings = append(e.strings, *s)
	}
	e.num(&i)
}

// Append appends the core section, not compressed, to b.
func (c *Core) Append(b []byte) []byte {
	e := &encoder{index: map[string]uint32{}}
	c.visit(e)
	b = binary.AppendUvarint(b, uint64(len(e.strings)))
	for _, s := range e.strings {
		b = binary.AppendUvarint(b, uint64(len(s)))
	}
	b = append(b, strings.Join(e.strings, "")...)
	return append(b, e.records...)
}

// ErrDamaged says that a definitions file is not one, or is cut short.
var ErrDamaged = errors.New("damaged definitions file")

type decoder struct {
	data    []byte
	strings []string
	err     error
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: "+format, append([]any{ErrDamaged}, args...)...)
	}
	d.data = nil
}

func (d *decoder) num(n *uint32) {
	x, size := binary.Uvarint(d.data)
	if size <= 0 || x > Unbounded {
		d.fail("number expected")
		*n = 0
		return
	}
	d.data = d.data[size:]
	*n = uint32(x)
}

func (d *decoder) str(s *string) {
	var i uint32
	d.num(&i)
	if int(i) >= len(d.strings) {
		d.fail("string %d of %d", i, len(d.strings))
		return
	}
	*s = d.strings[i]
}

// table reads the string table. All strings share the memory of one.
func (d *decoder) table() {
	var n uint32
	d.num(&n)
	lengths := makeList[uint32](d, n)
	total := uint64(0)
	for i := range lengths {
		d.num(&lengths[i])
		total += uint64(lengths[i])
	}
	if total > uint64(len(d.data)) {
		d.fail("strings of %d bytes in %d", total, len(d.data))
		return
	}
	text := string(d.data[:total])
	d.data = d.data[total:]
	d.strings = make([]string, len(lengths))
	for i, length := range lengths {
		d.strings[i], text = text[:length], text[length:]
	}
}

// DecodeCore reads what [Core.Append] wrote. The error wraps [ErrDamaged].
func DecodeCore(data []byte) (*Core, error) {
	d := &decoder{data: data}
	d.table()
	c := new(Core)
	c.visit(d)
	if d.err == nil && len(d.data) != 0 {
		d.fail("%d bytes left over", len(d.data))
	}
	if d.err != nil {
		return nil, d.err
	}
	return c, nil
}
